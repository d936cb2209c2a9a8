import {
  Account,
  TransactionBuilder,
  type Keypair,
  type Transaction,
  type xdr,
} from "@stellar/stellar-sdk/base";
import { assembleTransaction, type Api } from "@stellar/stellar-sdk/rpc";
import type { Clock } from "../../clock.ts";
import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { accountOf } from "./accounts.ts";
import { accountKey, readEntries, readTip } from "./entries.ts";
import { readFate } from "./fate.ts";
import type { Rpc } from "./rpc.ts";
import { submitEnvelope, type Envelope } from "./submit.ts";

/** Who runs contract transactions, and how. One run at a time per source account. */
export interface Runner {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly passphrase: string;
  readonly source: Keypair;
  /** Highest inclusion fee; resource fees come on top as simulated. */
  readonly maxFeeStroops: number;
}

/** One contract operation; `footprint` only for the operations that touch nothing but life times. */
export interface Run {
  readonly operation: xdr.Operation;
  readonly footprint?: xdr.SorobanTransactionData;
}

export interface Ran {
  readonly txId: string;
  readonly height: number;
}

const VALIDITY_S = 60;
/** Time for a bounded transaction to settle either way, by the local clock. */
const PATIENCE_MS = 150_000;
const LOOK_EVERY_MS = 250;
const RESEND_EVERY_MS = 5_000;

/**
 * Simulates, signs, sends and waits until the ledger has it. `failed`: it did not and will not happen;
 * `unknown`: no server said in time.
 */
export async function runSoroban(
  runner: Runner,
  run: Run,
  signal?: AbortSignal,
): Promise<Outcome<Ran>> {
  const prepared = await prepare(runner, run, signal);
  if (prepared.kind !== "done") return prepared;
  return carryThrough(runner, prepared.value, signal);
}

interface Prepared extends Envelope {
  readonly validUntilMs: number;
  readonly signedAtHeight: number;
}

async function prepare(runner: Runner, run: Run, signal?: AbortSignal): Promise<Outcome<Prepared>> {
  const { rpc, source, passphrase } = runner;
  const tip = await readTip(rpc, signal);
  if (tip.kind !== "done") return tip;
  const key = accountKey(source.publicKey());
  const entries = await readEntries(rpc, [key], signal);
  if (entries.kind !== "done") return entries;
  const account = accountOf(entries.value.get(key));
  if (account === null) return failed(`the account ${source.publicKey()} does not exist`, "retry");

  const validUntilS = tip.value.closedAtS + VALIDITY_S;
  const draft = new TransactionBuilder(
    new Account(source.publicKey(), account.sequence.toString()),
    {
      fee: runner.maxFeeStroops.toString(),
      networkPassphrase: passphrase,
      timebounds: { minTime: 0, maxTime: validUntilS },
      ...(run.footprint === undefined ? {} : { sorobanData: run.footprint }),
    },
  )
    .addOperation(run.operation)
    .build();
  const transaction = await withResources(rpc, draft, signal);
  if (transaction.kind !== "done") return transaction;
  transaction.value.sign(source);
  return done({
    txId: Buffer.from(transaction.value.hash()).toString("hex"),
    body: transaction.value.toXdr(),
    validUntilMs: validUntilS * 1000,
    signedAtHeight: tip.value.ledger,
  });
}

/**
 * The same transaction with the resources, the fee and the authorisation that its simulation found. `failed`
 * without retry: the call itself fails.
 */
export async function withResources(
  rpc: Rpc,
  draft: Transaction,
  signal?: AbortSignal,
): Promise<Outcome<Transaction>> {
  const simulation = await rpc.read(
    "simulateTransaction",
    { transaction: draft.toXdr() },
    (result) => {
      if (typeof result["error"] === "string") return { error: result["error"] };
      // The client's own parser checks the shape and throws.
      const raw = result as unknown as Api.RawSimulateTransactionResponse;
      return { transaction: assembleTransaction(draft, raw).build() };
    },
    signal,
  );
  if (simulation.kind !== "done") return simulation;
  const { error, transaction } = simulation.value;
  if (transaction !== undefined) return done(transaction);
  return failed(`the simulation fails: ${error.slice(0, 500)}`, "final");
}

async function carryThrough(
  runner: Runner,
  prepared: Prepared,
  signal?: AbortSignal,
): Promise<Outcome<Ran>> {
  const { rpc, clock } = runner;
  const startedMs = clock.now();
  const sent = await submitEnvelope(rpc, prepared);
  if (sent.kind === "failed" && !sent.retryable) return sent;
  let sentAtMs = startedMs;
  while (clock.now() - startedMs < PATIENCE_MS) {
    if (signal?.aborted === true) break;
    const fate = await readFate(rpc, prepared);
    if (fate.kind === "done") {
      if (fate.value.kind === "final")
        return done({ txId: prepared.txId, height: fate.value.height });
      if (fate.value.kind === "dead") return failed(fate.value.reason, "retry");
      if (fate.value.kind === "unprovable") return unknown(fate.value.reason);
    }
    if (clock.now() - sentAtMs >= RESEND_EVERY_MS) {
      sentAtMs = clock.now();
      await submitEnvelope(rpc, prepared);
    }
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  return unknown(`nobody knows yet what became of ${prepared.txId}`);
}
