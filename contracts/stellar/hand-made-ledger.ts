import { Address, type Asset, hash, Keypair, nativeToScVal, Operation } from "@stellar/stellar-sdk";
import { scValToNative, xdr } from "@stellar/stellar-sdk";
import { hostSettings, TESTNET_SETTINGS } from "../../devnet/stellar/settings.ts";
import { loadSorobanHost } from "../../devnet/stellar/soroban-host.ts";
import type {
  ApplyResult,
  HostEntry,
  SimulateRequest,
  SimulateResult,
  SorobanHost,
} from "../../devnet/stellar/soroban-host.ts";

export const PASSPHRASE = "Hand-made ledger ; for tests";

type Simulated = Extract<SimulateResult, { ok: true }>;
type Applied = Extract<ApplyResult, { ok: true }>;

/** Everything around the Soroban host reduced to a map of entries: no signatures, no fees, no envelopes. */
export interface HandMadeLedger {
  readonly host: SorobanHost;
  /** Sequence of the ledger in which the next call runs. */
  sequence(): number;
  /** Lets ledgers pass. */
  pass(ledgers: number): void;
  entry(key: string): HostEntry | undefined;
  addAccount(id: string, stroops: bigint): void;
  addTrustline(id: string, asset: Asset, atomic: bigint): void;
  simulate(
    operation: xdr.Operation,
    source: string,
    options?: Partial<SimulateRequest>,
  ): SimulateResult;
  /** Applies with the resources of `transactionData` and stores what changed. */
  apply(operation: xdr.Operation, source: string, transactionData: string): ApplyResult;
  /** Simulates with recorded authorisations of the source, applies with them, and expects both to work. */
  submit(operation: xdr.Operation, source: string): Applied & { readonly simulated: Simulated };
}

export function handMadeLedger(): HandMadeLedger {
  const host = loadSorobanHost();
  host.configure(hostSettings(TESTNET_SETTINGS, hash(new TextEncoder().encode(PASSPHRASE))));
  const entries = new Map<string, HostEntry>();
  let sequence = 1000;
  let seeds = 0;

  const now = () => ({ sequence, closeTimeS: 1_750_000_000 + 5 * sequence });
  const nextSeed = () => Buffer.from(hash(Uint8Array.of(++seeds))).toString("base64");

  function store(changes: readonly HostEntry[]): void {
    host.put(changes);
    for (const change of changes) entries.set(change.key, change);
  }

  const ledger: HandMadeLedger = {
    host,
    sequence: () => sequence,
    pass: (ledgers) => void (sequence += ledgers),
    entry: (key) => entries.get(key),
    addAccount: (id, stroops) => store([classicEntry(account(id, stroops))]),
    addTrustline: (id, asset, atomic) => store([classicEntry(trustline(id, asset, atomic))]),
    simulate: (operation, source, options) =>
      host.simulate({
        ledger: now(),
        operation: operation.body.toXdr("base64"),
        source: accountId(source).toXdr("base64"),
        transactionData: null,
        authMode: "record",
        seed: nextSeed(),
        ...options,
      }),
    apply(operation, source, transactionData) {
      const applied = host.apply({
        ledger: now(),
        operation: operation.body.toXdr("base64"),
        source: accountId(source).toXdr("base64"),
        transactionData,
        transactionSizeBytes: 1000,
        seed: nextSeed(),
      });
      if (applied.ok) store(applied.changes);
      return applied;
    },
    submit(operation, source) {
      const simulated = ledger.simulate(operation, source);
      if (!simulated.ok) throw new Error(`simulation failed: ${simulated.error}`);
      const authorised = withAuth(operation, simulated.auth);
      const applied = ledger.apply(authorised, source, simulated.transactionData);
      if (!applied.ok) throw new Error(`${applied.code}: ${applied.error}`);
      return { ...applied, simulated };
    },
  };
  return ledger;
}

/** The operation with the authorisations a simulation recorded. */
export function withAuth(operation: xdr.Operation, auth: readonly string[]): xdr.Operation {
  if (operation.body.type !== "invokeHostFunction") return operation;
  return Operation.invokeHostFunction({
    func: operation.body.invokeHostFunctionOp.hostFunction,
    auth: auth.map((entry) => xdr.SorobanAuthorizationEntry.fromXdr(entry, "base64")),
  });
}

export function invoke(contract: string, name: string, ...args: xdr.ScVal[]): xdr.Operation {
  return Operation.invokeContractFunction({ contract, function: name, args });
}

export const arg = {
  address: (address: string) => new Address(address).toScVal(),
  i128: (value: bigint) => nativeToScVal(value, { type: "i128" }),
  u32: (value: number) => nativeToScVal(value, { type: "u32" }),
  u64: (value: bigint) => nativeToScVal(value, { type: "u64" }),
  bytes: (text: string) => xdr.ScVal.scvBytes(new TextEncoder().encode(text)),
};

export function returned(call: { readonly result: string | null }): unknown {
  if (call.result === null) throw new Error("the call returned nothing");
  return scValToNative(xdr.ScVal.fromXdr(call.result, "base64"));
}

/** Uploads a contract and creates it. Returns its C... address. */
export function deploy(
  ledger: HandMadeLedger,
  source: string,
  wasm: Uint8Array,
  constructorArgs: xdr.ScVal[],
): string {
  ledger.submit(Operation.uploadContractWasm({ wasm }), source);
  const created = Operation.createCustomContract({
    address: new Address(source),
    wasmHash: hash(wasm),
    constructorArgs,
    salt: hash(wasm),
  });
  return String(returned(ledger.submit(created, source)));
}

/** Creates the contract of an asset. Returns its C... address. */
export function deployAsset(ledger: HandMadeLedger, source: string, asset: Asset): string {
  const created = Operation.createStellarAssetContract({ asset });
  return String(returned(ledger.submit(created, source)));
}

/** What an account or contract holds of an asset contract's asset. */
export function balance(ledger: HandMadeLedger, asset: string, holder: string): bigint {
  const nobody = Keypair.random().publicKey();
  const answer = ledger.simulate(invoke(asset, "balance", arg.address(holder)), nobody);
  if (!answer.ok) throw new Error(answer.error);
  return returned(answer) as bigint;
}

function accountId(id: string): xdr.PublicKey {
  return Keypair.fromPublicKey(id).xdrAccountId();
}

function classicEntry([key, data]: readonly [xdr.LedgerKey, xdr.LedgerEntryData]): HostEntry {
  const entry = new xdr.LedgerEntry({
    lastModifiedLedgerSeq: 1,
    data,
    ext: xdr.LedgerEntryExt.v0(),
  });
  return {
    key: key.toXdr("base64"),
    entry: entry.toXdr("base64"),
    liveUntilLedger: null,
  };
}

function account(id: string, stroops: bigint): readonly [xdr.LedgerKey, xdr.LedgerEntryData] {
  const entry = new xdr.AccountEntry({
    accountId: accountId(id),
    balance: stroops,
    seqNum: 1n,
    numSubEntries: 0,
    inflationDest: null,
    flags: 0,
    homeDomain: "",
    thresholds: new Uint8Array([1, 0, 0, 0]),
    signers: [],
    ext: xdr.AccountEntryExt.v0(),
  });
  const key = new xdr.LedgerKeyAccount({ accountId: accountId(id) });
  return [xdr.LedgerKey.account(key), xdr.LedgerEntryData.account(entry)];
}

function trustline(
  id: string,
  asset: Asset,
  atomic: bigint,
): readonly [xdr.LedgerKey, xdr.LedgerEntryData] {
  const named = { accountId: accountId(id), asset: asset.toTrustLineXdrObject() };
  const entry = new xdr.TrustLineEntry({
    ...named,
    balance: atomic,
    limit: 2n ** 63n - 1n,
    flags: 1, // authorised
    ext: xdr.TrustLineEntryExt.v0(),
  });
  const key = new xdr.LedgerKeyTrustLine(named);
  return [xdr.LedgerKey.trustline(key), xdr.LedgerEntryData.trustline(entry)];
}
