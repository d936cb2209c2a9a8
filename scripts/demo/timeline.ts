/** How an order went, phase by phase, from what the agent, the chain and the shop each recorded. */
import type { PurchaseStep } from "../../sdk/src/index.ts";
import type { World } from "../../tests/world/world.ts";

export interface OrderStory {
  readonly orderId: string;
  readonly asset: "USDC" | "XLM";
  readonly wanted: "delivered" | "refunded";
  readonly outcome: string;
  readonly phases: readonly Phase[];
  readonly tx: { readonly payment: string | null; readonly refund: string | null };
}

export interface Phase {
  readonly phase: string;
  /** Milliseconds since the order was made. */
  readonly atMs: number;
  readonly note: string;
}

/** What `vend402 orders show ID --json` prints, as far as the demo reads it. */
interface ShopRecord {
  readonly order: { readonly state: string; readonly createdAtMs: number };
  readonly events: readonly {
    readonly event: string;
    readonly atMs: number;
    readonly facts: Readonly<Record<string, string | number>>;
  }[];
  readonly deposits: readonly {
    readonly txId: string;
    readonly height: number;
    readonly seenAtMs: number;
  }[];
  readonly payouts: readonly { readonly txId: string | null; readonly cause: string }[];
}

/** The shop's events as the demo names them. */
const SHOP_PHASES: Readonly<Record<string, string>> = {
  payment_confirmed: "matched",
  attempt_failed: "refused",
  attempt_succeeded: "delivered",
  refund_signed: "refund signed",
  refund_confirmed: "refunded",
};

export async function readStory(
  world: World,
  bought: Pick<OrderStory, "asset" | "wanted" | "orderId"> & {
    readonly steps: readonly { readonly step: PurchaseStep; readonly atMs: number }[];
  },
): Promise<OrderStory> {
  const { orderId, asset, wanted } = bought;
  const shown = await world.command("orders", "show", orderId, "--json");
  const record = JSON.parse(shown) as ShopRecord;
  const startMs = record.order.createdAtMs;
  const phases = [
    ...bought.steps.flatMap(({ step, atMs }) => agentPhase(step, atMs)),
    ...chainPhases(world, record),
    ...record.events.flatMap((row) => shopPhase(row)),
  ];
  return {
    orderId,
    asset,
    wanted,
    outcome: record.order.state,
    phases: phases
      .map((phase) => ({ ...phase, atMs: Math.max(0, Math.round(phase.atMs - startMs)) }))
      .toSorted((a, b) => a.atMs - b.atMs),
    tx: {
      payment: record.deposits[0]?.txId ?? null,
      refund: record.payouts.find(({ cause }) => cause === "order_failed")?.txId ?? null,
    },
  };
}

function agentPhase({ step, payment }: PurchaseStep, atMs: number): Phase[] {
  if (step === "quote") return [{ phase: "quote", atMs, note: "the shop names the price" }];
  if (step !== "signed") return [];
  const note = `the agent signs ${payment?.amount ?? ""} ${payment?.asset.toUpperCase() ?? ""}`;
  return [{ phase: "signed", atMs, note }];
}

function chainPhases(world: World, { deposits }: ShopRecord): Phase[] {
  return deposits.flatMap(({ height, seenAtMs, txId }) => {
    const closedAtMs = world.network.closedAtMs(height);
    const ledger = { phase: "ledger", atMs: closedAtMs ?? seenAtMs, note: `ledger ${height}` };
    return [ledger, { phase: "event", atMs: seenAtMs, note: `contract event in ${txId}` }];
  });
}

function shopPhase({ event, atMs, facts }: ShopRecord["events"][number]): Phase[] {
  if (event === "stage_done") {
    const isFirst = facts["stage"] === "issue";
    const note = isFirst ? "the card is issued and sealed" : "the card is verified and active";
    return [{ phase: isFirst ? "stage 1" : "stage 2", atMs, note }];
  }
  const phase = SHOP_PHASES[event];
  if (phase === undefined) return [];
  const txId = facts["tx_id"];
  const note = { matched: "the payment is the order's", refused: "the supplier refuses" }[phase];
  return [{ phase, atMs, note: note ?? (txId === undefined ? "" : `transaction ${txId}`) }];
}

/** One JSON line per order. */
export function outcomeLine(story: OrderStory): string {
  return JSON.stringify({
    event: "order",
    product: "prepaid-card",
    rail: "stellar-contract",
    asset: story.asset,
    outcome: story.outcome,
    order_id: story.orderId,
    phases: story.phases.map(({ phase, atMs }) => ({ phase, at_ms: atMs })),
    tx: story.tx,
  });
}

export function printTimeline(story: OrderStory, print: (line: string) => void): void {
  print("");
  print(`Order ${story.orderId}, a card paid in ${story.asset}: ${story.outcome}`);
  let beforeMs = 0;
  for (const { phase, atMs, note } of story.phases) {
    const since = `+${atMs - beforeMs}`;
    print(`  ${String(atMs).padStart(6)} ms  ${since.padStart(6)}  ${phase.padEnd(14)} ${note}`);
    beforeMs = atMs;
  }
  print(`  payment ${story.tx.payment ?? "none"}`);
  if (story.tx.refund !== null) print(`  refund  ${story.tx.refund}`);
}
