/** A local Stellar network with everything a shop needs on it: assets, accounts, contracts, a price. */
import { readFileSync } from "node:fs";
import {
  Address,
  Asset,
  BASE_FEE,
  Keypair,
  nativeToScVal,
  Operation,
  rpc,
  scValToNative,
  TransactionBuilder,
  xdr,
} from "@stellar/stellar-sdk";
import { startStellarDevnet, type StellarDevnet } from "../../devnet/stellar/index.ts";
import { systemClock } from "../../src/clock.ts";
import type { Outcome } from "../../src/outcome.ts";
import { deployAssetContract, deployReceiver } from "../../src/rails/stellar-contract/deploy.ts";

export interface NetworkOptions {
  /** Milliseconds between ledgers; "manual" leaves closing to the caller once the network stands. */
  readonly closeEveryMs: number | "manual";
  /** @default a free port */
  readonly port?: number;
  readonly channels?: number;
}

/** Secrets of the accounts that play a part. */
export interface Cast {
  readonly issuer: Keypair;
  readonly treasury: Keypair;
  readonly keeper: Keypair;
  readonly channels: readonly Keypair[];
}

/** Signs with a key that it does not show. */
export interface Wallet {
  readonly publicKey: string;
  /** The raw 64 bytes of an ed25519 signature of a 32-byte hash. */
  signHash(hash: Uint8Array): Promise<Uint8Array> | Uint8Array;
}

export interface Network {
  readonly devnet: StellarDevnet;
  readonly cast: Cast;
  readonly usdc: Asset;
  readonly receiverId: string;
  readonly oracleId: string;
  /** A new account with XLM and this much USDC (decimal text). */
  newPayer(usdc: string): Promise<Keypair>;
  /** Gives a wallet that signs by itself an account with XLM and this much USDC. */
  fundWallet(wallet: Wallet, usdc: string): Promise<void>;
  /** Balances of an account, base units; USDC null without a trustline. */
  balances(address: string): Promise<{ readonly xlm: bigint; readonly usdc: bigint | null }>;
  /** USDC that receiver and treasury hold beyond what the treasury was given at first, base units. */
  takings(): Promise<bigint>;
  /** What XLM costs in USD on chain; 14 decimals, as text. */
  setXlmPrice(usd14: bigint): Promise<void>;
  /** Sends classic operations from an account and waits until they are in a ledger. */
  send(source: Keypair | Wallet, operations: readonly xdr.Operation[]): Promise<string>;
  /** When a ledger was closed, by this machine's clock; null when it is unknown. */
  closedAtMs(height: number): number | null;
  /** Sets the pace of ledgers from here on. */
  pace(closeEveryMs: number | "manual"): void;
  close(): Promise<void>;
}

/** While the network is set up, ledgers close as fast as there is something in them. */
const SETUP_PACE_MS = 15;
const PRICE_DECIMALS = 14;
/** Transactions of tests stay valid for long: some tests put the chain's clock ahead of ours. */
export const VALID_S = 3_600;
const TREASURY_FLOAT_USDC = "100000";
const TREASURY_FLOAT_USDC_ATOMIC = 1_000_000_000_000n;
/** 0.10 USD. */
const FIRST_XLM_PRICE = 10n ** 13n;

export async function startNetwork(options: NetworkOptions): Promise<Network> {
  const devnet = await startStellarDevnet({ port: options.port ?? 0, closeEveryMs: "manual" });
  const pacer = startPacer(devnet);
  pacer.pace(SETUP_PACE_MS);
  const server = new rpc.Server(devnet.url, { allowHttp: true });
  const cast: Cast = {
    issuer: Keypair.random(),
    treasury: Keypair.random(),
    keeper: Keypair.random(),
    channels: Array.from({ length: options.channels ?? 2 }, () => Keypair.random()),
  };
  const usdc = new Asset("USDC", cast.issuer.publicKey());
  const send = sender(devnet, server);
  const fund = async (account: Keypair | Wallet): Promise<void> => {
    const answer = await fetch(`${devnet.friendbotUrl}?addr=${addressOf(account)}`);
    if (!answer.ok) throw new Error(`friendbot: ${answer.status} ${await answer.text()}`);
  };
  await Promise.all([cast.issuer, cast.treasury, cast.keeper, ...cast.channels].map(fund));
  const trust = Operation.changeTrust({ asset: usdc });
  const give = (to: Keypair | Wallet, amount: string): xdr.Operation =>
    Operation.payment({ destination: addressOf(to), asset: usdc, amount });
  await send(cast.treasury, [trust]);
  await send(cast.issuer, [give(cast.treasury, TREASURY_FLOAT_USDC)]);

  const target = {
    rpcUrls: [devnet.url],
    passphrase: devnet.passphrase,
    deployerSecret: cast.keeper.secret(),
    clock: systemClock,
    onStep: () => {},
  };
  const credit = { code: "USDC", issuer: cast.issuer.publicKey() };
  unwrap(await deployAssetContract({ ...target, asset: credit }));
  unwrap(await deployAssetContract({ ...target, asset: null }));
  const wasm = readFileSync(new URL("../../contracts/stellar/receiver.wasm", import.meta.url));
  const treasury = cast.treasury.publicKey();
  const receiver = unwrap(await deployReceiver({ ...target, treasury, usdc: credit, wasm }));
  const contracts = contractCaller(devnet, server, cast.keeper);
  const oracleId = await deployOracle(contracts, cast.keeper);

  const network: Network = {
    devnet,
    cast,
    usdc,
    receiverId: receiver.contractId,
    oracleId,
    newPayer: async (amount) => {
      const payer = Keypair.random();
      await network.fundWallet(walletOf(payer), amount);
      return payer;
    },
    fundWallet: async (wallet, amount) => {
      await fund(wallet);
      await send(wallet, [trust]);
      await send(cast.issuer, [give(wallet, amount)]);
    },
    balances: async (address) => {
      const line = await server
        .getAssetBalance(address, usdc, devnet.passphrase)
        .catch((error: unknown) => {
          if (String(error).includes("not found")) return null;
          throw error;
        });
      const balanceEntry = line?.balanceEntry;
      const account = await server.getAccountEntry(address);
      return {
        xlm: BigInt(account.balance.toString()),
        usdc: balanceEntry === undefined ? null : BigInt(balanceEntry.amount),
      };
    },
    takings: async () => {
      const holders = [receiver.contractId, treasury].map(async (address) => {
        const held = await server.getAssetBalance(address, usdc, devnet.passphrase);
        return BigInt(held.balanceEntry?.amount ?? "0");
      });
      const [inReceiver = 0n, inTreasury = 0n] = await Promise.all(holders);
      return inReceiver + inTreasury - TREASURY_FLOAT_USDC_ATOMIC;
    },
    setXlmPrice: async (usd14) => {
      const now = BigInt(Math.floor(systemClock.now() / 1000));
      await contracts(
        Operation.invokeContractFunction({
          contract: oracleId,
          function: "set_price",
          args: [
            otherAsset("XLM"),
            nativeToScVal(usd14, { type: "i128" }),
            nativeToScVal(now, { type: "u64" }),
          ],
        }),
      );
    },
    send,
    closedAtMs: pacer.closedAtMs,
    pace: pacer.pace,
    close: async () => {
      pacer.pace("manual");
      await devnet.close();
    },
  };
  await network.setXlmPrice(FIRST_XLM_PRICE);
  pacer.pace(options.closeEveryMs);
  return network;
}

function addressOf(account: Keypair | Wallet): string {
  return account instanceof Keypair ? account.publicKey() : account.publicKey;
}

function walletOf(account: Keypair): Wallet {
  return {
    publicKey: account.publicKey(),
    signHash: (hash) => account.sign(Buffer.from(hash)),
  };
}

function unwrap<Value>(outcome: Outcome<Value>): Value {
  if (outcome.kind === "done") return outcome.value;
  throw new Error(outcome.reason);
}

interface Pacer {
  readonly pace: (closeEveryMs: number | "manual") => void;
  readonly closedAtMs: (height: number) => number | null;
}

/** Closes the ledgers itself, because the chain's own times have whole seconds only. */
function startPacer({ chain }: StellarDevnet): Pacer {
  let timer: NodeJS.Timeout | null = null;
  const closedAtMs = new Map<number, number>();
  const close = (): void => {
    const { sequence } = chain.closeLedger();
    closedAtMs.set(sequence, systemClock.now());
  };
  return {
    closedAtMs: (height) => closedAtMs.get(height) ?? null,
    pace: (closeEveryMs) => {
      if (timer !== null) clearInterval(timer);
      timer = closeEveryMs === "manual" ? null : setInterval(close, closeEveryMs);
    },
  };
}

const POLL_MS = 20;
const POLL_ATTEMPTS = 500;

function sender(devnet: StellarDevnet, server: rpc.Server): Network["send"] {
  return async (source, operations) => {
    const account = await server.getAccount(addressOf(source));
    const builder = new TransactionBuilder(account, {
      fee: BASE_FEE,
      networkPassphrase: devnet.passphrase,
    });
    for (const operation of operations) builder.addOperation(operation);
    const transaction = builder.setTimeout(VALID_S).build();
    if (source instanceof Keypair) transaction.sign(source);
    else {
      const signature = await source.signHash(transaction.hash());
      transaction.addSignature(source.publicKey, Buffer.from(signature).toString("base64"));
    }
    return submit(server, transaction);
  };
}

async function submit(
  server: rpc.Server,
  transaction: Parameters<rpc.Server["sendTransaction"]>[0],
): Promise<string> {
  const sent = await server.sendTransaction(transaction);
  if (sent.status === "ERROR") throw new Error(`refused: ${JSON.stringify(sent.errorResult)}`);
  const end = await server.pollTransaction(sent.hash, {
    attempts: POLL_ATTEMPTS,
    sleepStrategy: () => POLL_MS,
  });
  if (end.status !== rpc.Api.GetTransactionStatus.SUCCESS)
    throw new Error(`transaction ${sent.hash} ended ${end.status}`);
  return sent.hash;
}

type ContractCaller = (operation: xdr.Operation) => Promise<unknown>;

/** Prepares, signs and sends one contract operation; resolves with its return value. */
function contractCaller(
  devnet: StellarDevnet,
  server: rpc.Server,
  source: Keypair,
): ContractCaller {
  return async (operation) => {
    const account = await server.getAccount(source.publicKey());
    const transaction = new TransactionBuilder(account, {
      fee: BASE_FEE,
      networkPassphrase: devnet.passphrase,
    })
      .addOperation(operation)
      .setTimeout(VALID_S)
      .build();
    const prepared = await server.prepareTransaction(transaction);
    prepared.sign(source);
    const end = await server.getTransaction(await submit(server, prepared));
    if (end.status !== rpc.Api.GetTransactionStatus.SUCCESS) return null;
    return end.returnValue === undefined ? null : (scValToNative(end.returnValue) as unknown);
  };
}

/** SEP-40's `Asset::Other(symbol)`. */
function otherAsset(symbol: string): xdr.ScVal {
  return xdr.ScVal.scvVec([
    nativeToScVal("Other", { type: "symbol" }),
    nativeToScVal(symbol, { type: "symbol" }),
  ]);
}

async function deployOracle(call: ContractCaller, admin: Keypair): Promise<string> {
  const wasm = readFileSync(new URL("../../contracts/stellar/oracle.wasm", import.meta.url));
  const wasmHash = await call(Operation.uploadContractWasm({ wasm }));
  const contractId = await call(
    Operation.createCustomContract({
      address: new Address(admin.publicKey()),
      wasmHash: wasmHash as Uint8Array,
      constructorArgs: [
        nativeToScVal(admin.publicKey(), { type: "address" }),
        otherAsset("USD"),
        nativeToScVal(PRICE_DECIMALS, { type: "u32" }),
        nativeToScVal(1, { type: "u32" }),
      ],
    }),
  );
  return String(contractId);
}
