import { MissingPeerError } from "../errors.ts";
import type { PayCall } from "./authorization.ts";

/** What is used of @stellar/stellar-sdk: the part that is the same in 15, 16 and 17. */
interface StellarSdk {
  readonly Account: new (publicKey: string, sequence: string) => object;
  readonly Asset: { new (code: string, issuer: string): SdkAsset; native(): SdkAsset };
  readonly Operation: { invokeContractFunction(options: object): object };
  readonly TransactionBuilder: new (account: object, options: object) => SdkBuilder;
  readonly nativeToScVal: (value: unknown, options: { type: string }) => SdkXdr;
  readonly rpc: {
    assembleTransaction(transaction: SdkTransaction, simulation: object): SdkBuilder;
  };
}

interface SdkAsset {
  contractId(passphrase: string): string;
}

interface SdkBuilder {
  addOperation(operation: object): SdkBuilder;
  build(): SdkTransaction;
}

/** From 17 on these are spelled `toXdr`. */
interface SdkXdr {
  toXDR?(format: "base64"): string;
  toXdr?(format: "base64"): string;
}

interface SdkTransaction {
  readonly fee: string;
  hash(): Uint8Array;
  toXDR?(): string;
  toXdr?(): string;
  addSignature(publicKey: string, signature: string): void;
}

/** Loads the library while something else is waited for: that takes up to a second. Failures are told when it is needed. */
export function preloadStellarSdk(): void {
  void loadStellarSdk().catch(() => undefined);
}

async function loadStellarSdk(): Promise<StellarSdk> {
  try {
    // Up to 16 this is a CommonJS package, whose names may be on `default` only.
    const loaded = (await import("@stellar/stellar-sdk")) as unknown as {
      rpc?: unknown;
      default?: unknown;
    };
    return (loaded.rpc === undefined ? loaded.default : loaded) as StellarSdk;
  } catch (cause) {
    throw new MissingPeerError("@stellar/stellar-sdk", "^17", cause);
  }
}

/** Who pays whom, how much, for which order. */
export interface PayTerms {
  readonly passphrase: string;
  readonly contractId: string;
  readonly payer: string;
  readonly asset: "usdc" | "xlm";
  /** "USDC:G…" */
  readonly usdcAsset: string;
  readonly amountStroops: bigint;
  readonly orderId: string;
}

export interface CallOptions {
  /** The sequence number that this transaction will use. */
  readonly sequence: bigint;
  readonly maxTimeS: number;
  readonly inclusionFeeStroops: bigint;
}

/** The call as an unsigned transaction, to be simulated and completed. */
export interface DraftCall {
  readonly envelope: string;
  readonly call: PayCall;
  /** Adds resources and authorization of a successful simulation. */
  readonly complete: (simulation: object) => CompleteCall;
}

export interface CompleteCall {
  readonly feeStroops: bigint;
  readonly hash: Uint8Array;
  /** The signed envelope, base64. */
  readonly signedBy: (publicKey: string, signature: Uint8Array) => string;
}

export interface CallBuilder {
  readonly draft: (options: CallOptions) => DraftCall;
  /** Topic filters and value of the event that this payment would leave, as base64 ScVals. */
  readonly event: { readonly topics: readonly (readonly string[])[]; readonly value: string };
}

/** @throws MissingPeerError */
export async function createCallBuilder(terms: PayTerms): Promise<CallBuilder> {
  const sdk = await loadStellarSdk();
  const functionName = terms.asset === "usdc" ? "pay_usdc" : "pay_xlm";
  const args = [
    sdk.nativeToScVal(terms.payer, { type: "address" }),
    sdk.nativeToScVal(terms.amountStroops, { type: "i128" }),
    sdk.nativeToScVal(Buffer.from(terms.orderId, "utf8"), { type: "bytes" }),
  ] as const;
  const call: PayCall = {
    contractId: terms.contractId,
    functionName,
    assetContractId: assetContract(sdk, terms),
    payer: xdrBytes(args[0]),
    amount: xdrBytes(args[1]),
    orderId: xdrBytes(args[2]),
  };
  const name = xdrText(sdk.nativeToScVal(functionName, { type: "symbol" }));
  return {
    event: { topics: [[name, xdrText(args[2]), "*"]], value: xdrText(args[1]) },
    draft(options) {
      const transaction = build(sdk, terms, { options, functionName, args });
      return {
        envelope: envelopeText(transaction),
        call,
        complete: (simulation) =>
          completed(sdk.rpc.assembleTransaction(transaction, simulation).build()),
      };
    },
  };
}

interface Invocation {
  readonly options: CallOptions;
  readonly functionName: string;
  readonly args: readonly SdkXdr[];
}

function build(
  sdk: StellarSdk,
  terms: PayTerms,
  { options, functionName, args }: Invocation,
): SdkTransaction {
  // The builder adds one to the account's sequence.
  const account = new sdk.Account(terms.payer, String(options.sequence - 1n));
  return new sdk.TransactionBuilder(account, {
    fee: String(options.inclusionFeeStroops),
    networkPassphrase: terms.passphrase,
    timebounds: { minTime: 0, maxTime: options.maxTimeS },
  })
    .addOperation(
      sdk.Operation.invokeContractFunction({
        contract: terms.contractId,
        function: functionName,
        args,
      }),
    )
    .build();
}

function completed(transaction: SdkTransaction): CompleteCall {
  return {
    feeStroops: BigInt(transaction.fee),
    hash: new Uint8Array(transaction.hash()),
    signedBy(publicKey, signature) {
      transaction.addSignature(publicKey, Buffer.from(signature).toString("base64"));
      return envelopeText(transaction);
    },
  };
}

function assetContract(sdk: StellarSdk, terms: PayTerms): string {
  if (terms.asset === "xlm") return sdk.Asset.native().contractId(terms.passphrase);
  const [code = "", issuer = ""] = terms.usdcAsset.split(":");
  return new sdk.Asset(code, issuer).contractId(terms.passphrase);
}

function xdrText(value: SdkXdr): string {
  return value.toXdr?.("base64") ?? value.toXDR?.("base64") ?? "";
}

function xdrBytes(value: SdkXdr): Uint8Array {
  return new Uint8Array(Buffer.from(xdrText(value), "base64"));
}

function envelopeText(transaction: SdkTransaction): string {
  return transaction.toXdr?.() ?? transaction.toXDR?.() ?? "";
}
