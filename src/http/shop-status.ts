import type { OrderState } from "../orders/lifecycle.ts";
import type { Health, HttpDeps, RailHealth } from "./deps.ts";
import type { ShopStatus } from "./schemas.ts";
import type { Streams } from "./streams.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** More dead jobs than this are all the same: someone must look. */
const MAX_DEAD_JOBS = 1000;

type Counts = Readonly<Partial<Record<OrderState, number>>>;

/** How the shop does, for the public. Holds no order, key or supplier text. */
export async function readStatus(
  deps: Pick<HttpDeps, "clock" | "health" | "settings" | "store">,
  streams: Pick<Streams, "count">,
): Promise<ShopStatus> {
  const { read } = deps.store;
  const { startedAtMs } = deps.settings;
  const nowMs = deps.clock.now();
  const [health, all, lastDay, deadLetters, waiting, dead] = await Promise.all([
    deps.health(),
    read.orders.countByState(null),
    read.orders.countCreatedSince(nowMs - DAY_MS),
    read.deposits.deadLetters(nowMs - DAY_MS),
    read.jobs.count(),
    read.jobs.dead(MAX_DEAD_JOBS),
  ]);
  const rails = health.rails.map((rail) => viewRail(rail, nowMs));
  const stellar = rails.find(({ kind }) => kind === "stellar-contract");
  const isFrozen = isShut(health);
  const isCalm = deadLetters.length === 0 && dead.length === 0;
  const { total, uniqueKeys } = streams.count();
  return {
    ok: !isFrozen && isCalm && isSound(health, nowMs),
    frozen: isFrozen,
    consecutive_failures: Math.max(0, ...health.suppliers.map((each) => each.consecutiveFaults)),
    orders: openOrders(all),
    last_24h: dayOf(lastDay),
    stellar_watcher:
      stellar === undefined ? null : { ...stellar, dead_letter_24h: deadLetters.length },
    webhooks: { failed_permanent_24h: 0 }, // orders keep their webhook URL, but none is called
    sse: { total, unique_keys: uniqueKeys },
    process: {
      uptime_seconds: Math.max(0, Math.floor((nowMs - startedAtMs) / 1000)),
      started_at: new Date(startedAtMs).toISOString(),
    },
    rails,
    suppliers: health.suppliers.map(({ id, breaker, consecutiveFaults, canSell }) => ({
      id,
      breaker,
      consecutive_failures: consecutiveFaults,
      available: canSell,
    })),
    jobs: { waiting, dead: dead.length },
    generated_at: new Date(nowMs).toISOString(),
  };
}

/** New orders are refused: by the operator, or because nobody could deliver. */
function isShut({ isFrozen, suppliers }: Health): boolean {
  return isFrozen || !suppliers.some(({ canSell }) => canSell);
}

function isSound({ rails, suppliers }: Health, nowMs: number): boolean {
  return (
    rails.every((rail) => whyNotWatching(rail, nowMs) === null) &&
    suppliers.every(({ breaker }) => breaker !== "open")
  );
}

/** Why payments on a rail would go unseen; null while its watcher is well. */
function whyNotWatching(rail: RailHealth, nowMs: number): string | null {
  if (rail.gap !== null) return `history is missing: ${rail.gap}`;
  if (rail.lastPollAtMs === null) return "its watcher has not read the chain yet";
  const ageMs = nowMs - rail.lastPollAtMs;
  return ageMs > rail.maxAgeMs ? `its last good poll was ${Math.ceil(ageMs / 1000)} s ago` : null;
}

/** What keeps a server from doing its work; an empty list means ready. */
export function whyNotReady(health: Health, nowMs: number): string[] {
  const reasons = health.rails.flatMap((rail) => {
    const why = whyNotWatching(rail, nowMs);
    return why === null ? [] : [`rail ${rail.id}: ${why}`];
  });
  if (health.isFrozen) reasons.push("the operator stopped new orders");
  else if (isShut(health)) reasons.push("no supplier can sell");
  return reasons;
}

function viewRail(rail: RailHealth, nowMs: number): ShopStatus["rails"][number] {
  const { lastPollAtMs, chainTimeMs } = rail;
  return {
    id: rail.id,
    kind: rail.kind,
    last_ledger: rail.height,
    last_ledger_at: chainTimeMs === null ? null : new Date(chainTimeMs).toISOString(),
    age_seconds:
      lastPollAtMs === null ? null : Math.max(0, Math.floor((nowMs - lastPollAtMs) / 1000)),
    stalled: whyNotWatching(rail, nowMs) !== null,
    max_age_seconds: Math.ceil(rail.maxAgeMs / 1000),
    gap: rail.gap,
  };
}

function openOrders(counts: Counts): ShopStatus["orders"] {
  const of = (...states: OrderState[]): number =>
    states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return {
    pending_payment: of("awaiting_payment"),
    in_progress: of("confirming", "paid", "fulfilling", "in_review"),
    refund_pending: of("refund_due", "refunding"),
  };
}

function dayOf(counts: Counts): ShopStatus["last_24h"] {
  const of = (state: OrderState): number => counts[state] ?? 0;
  const delivered = of("delivered");
  const failed = of("refund_due") + of("refunding");
  const refunded = of("refunded");
  const ended = delivered + failed + refunded;
  return {
    total: Object.values(counts).reduce((sum, count) => sum + count, 0),
    delivered,
    failed,
    refunded,
    expired: of("expired"),
    success_rate: ended === 0 ? null : delivered / ended,
  };
}
