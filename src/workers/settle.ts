import type { JobEnd } from "../actions/run-jobs.ts";
import { assert } from "../errors.ts";
import type { Order } from "../orders/order.ts";
import type { Authorization, X402Scheme } from "../rails/rail.ts";
import type { AuthorizationRow } from "../store/rows.ts";
import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";

/** Between two looks at a promise that was sent and does not show on the chain yet. */
const LOOK_AGAIN_MS = 3_000;
/** One that was sent and can still be carried out after this long is sent again: the first may be lost. */
const SEND_AGAIN_MS = 20_000;
const NOT_CONFIGURED_MS = 60_000;

type SettleDeps = Pick<WorkerDeps, "store" | "clock" | "log" | "rails">;

interface Settling {
  readonly row: AuthorizationRow;
  readonly order: Order;
  readonly authorization: Authorization;
  readonly scheme: X402Scheme;
}

/**
 * Carries out a payer's stored promise until the chain shows it or proves that it never will. Sending it twice is
 * harmless, since the chain takes it once; that it happened is believed only when the rail's watcher reads it.
 */
export function settleAuthorization(deps: SettleDeps): JobHandler {
  const { store, log, rails } = deps;
  return async (ref): Promise<JobEnd> => {
    const row = await store.read.authorizations.byRef(ref);
    assert(row !== null, "a settle job without its promise");
    if (row.state !== "settling") return { kind: "finish" };
    const scheme = rails.get(row.railId)?.x402;
    if (scheme === undefined) {
      log.error("a promise waits on a rail that is not configured", { rail: row.railId });
      return later(deps, NOT_CONFIGURED_MS, `rail ${row.railId} is not configured`);
    }
    const order = await store.read.orders.byId(row.orderId);
    assert(order !== null, "a promise's order is gone");
    return settle(deps, { row, order, authorization: authorizationOf(row), scheme });
  };
}

function authorizationOf(row: AuthorizationRow): Authorization {
  const { ref, from, assetId: id, symbol, decimals, atomic, validUntilMs, body } = row;
  return { ref, from, amount: { asset: { id, symbol, decimals }, atomic }, validUntilMs, body };
}

function later({ clock }: SettleDeps, pauseMs: number, error: string): JobEnd {
  return { kind: "retry", runAtMs: clock.now() + pauseMs, error };
}

async function settle(deps: SettleDeps, work: Settling): Promise<JobEnd> {
  const { row, order } = work;
  const isPaidOtherwise = order.payment !== null && !(await isLost(deps, order));
  const isFresh = row.txId === null && row.updatedAtMs === row.claimedAtMs;
  if (isFresh && !isPaidOtherwise) return send(deps, work);
  const fate = await work.scheme.fate(work.authorization);
  if (fate.kind !== "done") return later(deps, LOOK_AGAIN_MS, fate.reason);
  switch (fate.value.kind) {
    case "used":
      await noteSent(deps, work, fate.value.txId ?? row.txId);
      return later(deps, LOOK_AGAIN_MS, "carried out; the watcher has not read it yet");
    case "dead":
      return fail(deps, work, fate.value.reason);
    case "open":
      return isPaidOtherwise
        ? fail(deps, work, "the order was paid otherwise")
        : sendAgain(deps, work);
  }
}

/** The first one may still be on its way. */
async function sendAgain(deps: SettleDeps, work: Settling): Promise<JobEnd> {
  const { txId, updatedAtMs } = work.row;
  const isRecent = txId !== null && deps.clock.now() - updatedAtMs < SEND_AGAIN_MS;
  return isRecent ? later(deps, LOOK_AGAIN_MS, "sent, not on chain yet") : send(deps, work);
}

/** A payment that the chain took back after delivery: carrying out its promise again makes good the loss. */
async function isLost({ store }: SettleDeps, { payment }: Order): Promise<boolean> {
  if (payment === null) return false;
  return (await store.read.deposits.byId(payment.depositId))?.state === "lost";
}

async function send(deps: SettleDeps, work: Settling): Promise<JobEnd> {
  const { log } = deps;
  const outcome = await work.scheme.settle(work.authorization);
  if (outcome.kind === "done") {
    await noteSent(deps, work, outcome.value.txId);
    return later(deps, LOOK_AGAIN_MS, "sent, not on chain yet");
  }
  if (outcome.kind === "failed" && !outcome.retryable) return refused(deps, work, outcome.reason);
  log.warn("a promise could not be carried out yet", {
    order: work.order.id,
    reason: outcome.reason,
  });
  await noteSent(deps, work, null);
  return later(deps, LOOK_AGAIN_MS, outcome.reason);
}

/** Refused for good, it says: unless the chain shows that it was carried out before. */
async function refused(deps: SettleDeps, work: Settling, reason: string): Promise<JobEnd> {
  const fate = await work.scheme.fate(work.authorization);
  if (fate.kind !== "done" || fate.value.kind === "used") {
    await noteSent(deps, work, fate.kind === "done" ? txIdOf(fate.value) : null);
    return later(deps, LOOK_AGAIN_MS, reason);
  }
  return fail(deps, work, reason);
}

function txIdOf(fate: { readonly kind: string; readonly txId?: string | null }): string | null {
  return fate.txId ?? null;
}

async function noteSent(
  { store, clock }: SettleDeps,
  { row }: Settling,
  txId: string | null,
): Promise<void> {
  await store.transact("noteSent", { ref: row.ref, txId, nowMs: clock.now() });
}

async function fail(
  { store, clock, log }: SettleDeps,
  work: Settling,
  reason: string,
): Promise<JobEnd> {
  const { ref } = work.row;
  log.info("a promise was not carried out", { order: work.order.id, reason });
  await store.transact("failAuthorization", { ref, reason, nowMs: clock.now() });
  return { kind: "finish" };
}
