import { Account, Keypair, type Memo, TransactionBuilder, xdr } from "@stellar/stellar-sdk";
import { createChain, type StellarChain, type SubmitAnswer } from "./chain.ts";
import { fundAccounts } from "./friendbot.ts";
import { DEFAULT_HISTORY, type HistoryLimits } from "./history/history.ts";
import type { TransactionRecord } from "./history/records.ts";
import { loadAccount } from "./ledger/accounts.ts";
import { type NetworkSettings, TESTNET_SETTINGS } from "./settings.ts";
import { loadSorobanHost } from "./soroban-host.ts";

/** A chain without server and timer, for tests: its clock stands still until it is moved. */
export interface TestChain {
  readonly chain: StellarChain;
  /** A new account with this many XLM. */
  readonly account: (xlm?: string) => Keypair;
  /** Spendable and reserved together, in stroops; null if there is no account. */
  readonly balance: (of: Keypair) => bigint | null;
  readonly sequence: (of: Keypair) => bigint;
  /** A signed envelope in base64. */
  readonly envelope: (source: Keypair, operations: xdr.Operation[], how?: How) => string;
  readonly submit: (source: Keypair, operations: xdr.Operation[], how?: How) => SubmitAnswer;
  /** Submits and closes; throws if the queue does not take it. */
  readonly run: (source: Keypair, operations: xdr.Operation[], how?: How) => TransactionRecord;
}

export interface How {
  /** Per operation, in stroops. */
  readonly fee?: string;
  /** Seconds since 1970; 0 for no end. */
  readonly minTime?: number;
  readonly maxTime?: number;
  /** Added to the account's sequence number. */
  readonly sequenceAhead?: number;
  readonly memo?: Memo;
  /** In place of the source's signature. */
  readonly signers?: readonly Keypair[];
  readonly build?: (builder: TransactionBuilder) => void;
}

export const PASSPHRASE = "Chain for tests";
export const START_S = 1_800_000_000;

export function testChain(
  options: {
    readonly settings?: NetworkSettings;
    readonly history?: Partial<HistoryLimits>;
    readonly lateMarginS?: number;
  } = {},
): TestChain {
  const chain = createChain({
    passphrase: PASSPHRASE,
    settings: options.settings ?? TESTNET_SETTINGS,
    host: loadSorobanHost(),
    clock: { now: () => START_S * 1000 },
    history: { ...DEFAULT_HISTORY, ...options.history },
    lateMarginS: options.lateMarginS ?? 0,
    restored: null,
    onClosed: () => {},
  });

  function entry(of: Keypair): xdr.AccountEntry | null {
    return loadAccount(chain.state, of.xdrAccountId());
  }

  function envelope(source: Keypair, operations: xdr.Operation[], how: How = {}): string {
    const sequence = (entry(source)?.seqNum ?? 0n) + BigInt(how.sequenceAhead ?? 0);
    return signedEnvelope(new Account(source.publicKey(), String(sequence)), operations, {
      signers: [source],
      ...how,
    });
  }

  function submit(source: Keypair, operations: xdr.Operation[], how?: How): SubmitAnswer {
    return chain.submit(envelope(source, operations, how));
  }

  return {
    chain,
    account(xlm = "1000") {
      const keypair = Keypair.random();
      fundAccounts(chain, [keypair.publicKey()], xlm);
      return keypair;
    },
    balance: (of) => entry(of)?.balance ?? null,
    sequence: (of) => entry(of)?.seqNum ?? 0n,
    envelope,
    submit,
    run(source, operations, how) {
      const answer = submit(source, operations, how);
      if (answer.status !== "PENDING") throw new Error(`${answer.status} ${codes(answer).join()}`);
      chain.closeLedger();
      const record = chain.history.transaction(answer.hash);
      if (!record) throw new Error("the transaction was dropped");
      return record;
    },
  };
}

function signedEnvelope(account: Account, operations: xdr.Operation[], how: How): string {
  const { fee = "100", minTime = 0, maxTime = 0, signers = [] } = how;
  const timebounds = { minTime, maxTime };
  const builder = new TransactionBuilder(account, {
    fee,
    networkPassphrase: PASSPHRASE,
    timebounds,
  });
  for (const operation of operations) builder.addOperation(operation);
  if (how.memo) builder.addMemo(how.memo);
  how.build?.(builder);
  const transaction = builder.build();
  for (const signer of signers) transaction.sign(signer);
  return transaction.toEnvelope().toXdr("base64");
}

/** `["txFailed", "paymentUnderfunded"]`: the transaction's code, then that of each operation. */
export function codes(of: SubmitAnswer | TransactionRecord): string[] {
  const result =
    "result" in of ? xdr.TransactionResult.fromXdr(of.result, "base64") : of.errorResult;
  if (!result) return [];
  const end = result.result;
  if (end.type === "txFeeBumpInnerFailed" || end.type === "txFeeBumpInnerSuccess") {
    const inner = end.innerResultPair.result.result;
    const operations = "results" in inner ? inner.results.map(operationCode) : [];
    return [end.type, inner.type, ...operations];
  }
  return [end.type, ...("results" in end ? end.results.map(operationCode) : [])];
}

function operationCode(result: xdr.OperationResult): string {
  return result.type === "opInner" ? result.tr.value.type : result.type;
}
