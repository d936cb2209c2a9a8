import type { JobEnd } from "../actions/run-jobs.ts";
import { assert } from "../errors.ts";
import type { Amount, Asset } from "../money.ts";
import type { Rail, SignedPayout } from "../rails/rail.ts";
import type { PayoutRow } from "../store/rows.ts";
import type { WorkerDeps } from "./deps.ts";
import type { JobHandler } from "./job-loop.ts";

/** While a sent payout is pending: when the chain is asked again, ever less often, and for how long in one go. */
const FATE_POLL_MS = 400;
const FATE_POLL_GROWTH = 1.4;
const FATE_POLL_MAX_MS = 3_000;
const FATE_WATCH_MS = 20_000;
const LANE_BUSY_MS = 500;
const TROUBLE_MS = 3_000;
const TREASURY_SHORT_MS = 15_000;
const UNPROVABLE_MS = 60_000;

type PayoutDeps = Pick<WorkerDeps, "store" | "clock" | "log" | "rails">;

/**
 * Carries one payout to its end: sign, store, send, look. Only stored bytes are sent, the same bytes until
 * the chain has them, and new ones are signed only after the chain proved the old ones dead. It may be
 * killed between any two lines and resumes from the stored row.
 */
export function sendPayout(deps: PayoutDeps): JobHandler {
  const { store, log, rails } = deps;
  const signing = new Set<string>();
  return async (payoutId, signal): Promise<JobEnd> => {
    for (;;) {
      const payout = await store.read.payouts.byId(payoutId);
      assert(payout !== null, "a payout job without its payout");
      if (payout.state === "final" || payout.state === "blocked") return { kind: "finish" };
      const rail = rails.get(payout.railId);
      if (rail === undefined) {
        log.error("a payout is owed on a rail that is not configured", { payout: payoutId });
        return later(deps, UNPROVABLE_MS, `rail ${payout.railId} is not configured`);
      }
      const end =
        payout.state === "due"
          ? await withLane({ ...deps, signing }, rail, (lane) =>
              signPayout(deps, rail, { payout, lane }),
            )
          : await chasePayout(deps, rail, { payout, signal });
      if (end !== "again") return end;
      if (signal.aborted) return later(deps, 0, "stopping");
    }
  };
}

function later({ clock }: PayoutDeps, pauseMs: number, error: string): JobEnd {
  return { kind: "retry", runAtMs: clock.now() + pauseMs, error };
}

function amountOf(rail: Rail, payout: PayoutRow): Amount {
  const asset = rail.assets.find((candidate) => candidate.id === payout.assetId);
  assert(asset !== undefined, "a payout in an asset that its rail does not know");
  return { asset, atomic: payout.atomic };
}

async function signPayout(
  deps: PayoutDeps,
  rail: Rail,
  due: { readonly payout: PayoutRow; readonly lane: string },
): Promise<JobEnd | "again"> {
  const { store, clock, log } = deps;
  const { payout, lane } = due;
  const amount = amountOf(rail, payout);
  const shortage = await findShortage(deps, rail, { payout, asset: amount.asset });
  if (shortage !== null) return shortage;
  const signed = await rail.payouts.sign({ id: payout.id, to: payout.to, amount, lane });
  if (signed.kind === "failed" && !signed.retryable) {
    log.error("a refund cannot be received and needs a person", {
      payout: payout.id,
      reason: signed.reason,
    });
    const { reason } = signed;
    await store.transact("blockPayout", { payoutId: payout.id, reason, nowMs: clock.now() });
    return { kind: "finish" };
  }
  if (signed.kind !== "done") return later(deps, TROUBLE_MS, signed.reason);
  const isStored = await store.transact("storeSignedPayout", {
    payoutId: payout.id,
    signed: signed.value,
    nowMs: clock.now(),
  });
  return isStored ? "again" : later(deps, LANE_BUSY_MS, "the payout lane was taken");
}

/** Null when the treasury can pay; else when to look again. What was received elsewhere is swept first. */
async function findShortage(
  deps: PayoutDeps,
  rail: Rail,
  need: { readonly payout: PayoutRow; readonly asset: Asset },
): Promise<JobEnd | null> {
  const { log } = deps;
  const { payout, asset } = need;
  const balance = await rail.payouts.balance(asset);
  if (balance.kind !== "done") return later(deps, TROUBLE_MS, balance.reason);
  if (balance.value >= payout.atomic) return null;
  // Several rails may fill one treasury.
  const filling = [...deps.rails.values()].filter(({ assets }) =>
    assets.some(({ id }) => id === asset.id),
  );
  const sweeps = await Promise.all(
    filling.map((one) => one.sweep(AbortSignal.timeout(TREASURY_SHORT_MS), "everything")),
  );
  if (sweeps.some((swept) => swept.kind === "done" && swept.value !== null))
    return later(deps, LANE_BUSY_MS, "the treasury was short; what was received was swept");
  log.error("the treasury is short: a refund waits for it to be funded", {
    payout: payout.id,
    asset: asset.symbol,
    needed: payout.atomic,
    available: balance.value,
  });
  return later(deps, TREASURY_SHORT_MS, "the treasury is short");
}

/** More signed payouts than any shop has lanes. */
const ALL_LANES = 1_000;

/**
 * Lends a lane that has no payout alive, so that no two are signed on one sequence. Lanes may belong to several
 * rails (a treasury's nonces), so those of every rail are taken. `signing` is only this process's courtesy; the
 * unique index of the store is what counts.
 */
async function withLane(
  deps: PayoutDeps & { readonly signing: Set<string> },
  rail: Rail,
  use: (lane: string) => Promise<JobEnd | "again">,
): Promise<JobEnd | "again"> {
  const alive = await deps.store.read.payouts.list(["signed"], ALL_LANES);
  const taken = new Set([...deps.signing, ...alive.flatMap(({ lane }) => lane ?? [])]);
  const free = await rail.payouts.freeLane(taken);
  if (free.kind !== "done") return later(deps, TROUBLE_MS, free.reason);
  const lane = free.value;
  if (lane === null || deps.signing.has(lane))
    return later(deps, LANE_BUSY_MS, "every payout lane is busy");
  deps.signing.add(lane);
  try {
    return await use(lane);
  } finally {
    deps.signing.delete(lane);
  }
}

function signedBytes(payout: PayoutRow): SignedPayout {
  const { txId, body, lane, validUntilMs, signedAtHeight } = payout;
  assert(
    txId !== null && body !== null && lane !== null && signedAtHeight !== null,
    "a signed payout without its bytes",
  );
  return { txId, body, lane, validUntilMs, signedAtHeight };
}

/**
 * Sends the stored bytes and watches what becomes of them. "again": the stored row has changed, since they are
 * dead or were outbid.
 */
async function chasePayout(
  deps: PayoutDeps,
  rail: Rail,
  chase: { readonly payout: PayoutRow; readonly signal: AbortSignal },
): Promise<JobEnd | "again"> {
  const { clock, log } = deps;
  const { payout, signal } = chase;
  const signed = signedBytes(payout);
  const sent = await rail.payouts.submit(signed);
  if (sent.kind !== "done")
    log.warn("a payout was not taken yet", { payout: payout.id, reason: sent.reason });
  const untilMs = clock.now() + FATE_WATCH_MS;
  let pauseMs = FATE_POLL_MS;
  while (clock.now() < untilMs && !signal.aborted) {
    const end = await settle(deps, rail, { payout, signed });
    if (end !== "pending") return end;
    await clock.sleep(pauseMs, signal);
    pauseMs = Math.min(pauseMs * FATE_POLL_GROWTH, FATE_POLL_MAX_MS);
  }
  if (!signal.aborted && (await outbid(deps, rail, { payout, signed }))) return "again";
  return later(deps, 0, "sent, not final yet");
}

/** Puts a higher bid in the place of one that is too cheap to land. Stored before it is sent, as every payout is. */
async function outbid(
  { store, clock, log }: PayoutDeps,
  rail: Rail,
  sent: { readonly payout: PayoutRow; readonly signed: SignedPayout },
): Promise<boolean> {
  const higher = await rail.payouts.outbid?.(sent.signed);
  if (higher?.kind !== "done" || higher.value === null) return false;
  const { id: payoutId, txId } = sent.payout;
  log.warn("a refund does not land and is sent with a higher fee", {
    payout: payoutId,
    tx_id: txId,
  });
  return store.transact("outbidPayout", {
    payoutId,
    txId: sent.signed.txId,
    signed: higher.value,
    nowMs: clock.now(),
  });
}

async function settle(
  deps: PayoutDeps,
  rail: Rail,
  sent: { readonly payout: PayoutRow; readonly signed: SignedPayout },
): Promise<JobEnd | "again" | "pending"> {
  const { store, clock, log } = deps;
  const payoutId = sent.payout.id;
  const fate = await rail.payouts.fate(sent.signed);
  if (fate.kind !== "done") return "pending";
  switch (fate.value.kind) {
    case "pending":
      return "pending";
    case "final": {
      const { height, txId = sent.signed.txId } = fate.value;
      await store.transact("confirmPayout", { payoutId, txId, height, nowMs: clock.now() });
      log.info("a refund is final", { payout: payoutId, tx_id: txId, height });
      return { kind: "finish" };
    }
    case "dead": {
      const { reason } = fate.value;
      log.warn("a signed refund is dead and is signed anew", { payout: payoutId, reason });
      await store.transact("dropPayout", { payoutId, reason, nowMs: clock.now() });
      return "again";
    }
    case "unprovable": {
      const { reason } = fate.value;
      log.error("a refund's fate cannot be proven; it is not signed anew", {
        payout: payoutId,
        reason,
      });
      return later(deps, UNPROVABLE_MS, reason);
    }
  }
}
