/** How an order went, phase by phase, from what the agent, the chain and the shop each recorded. */
import type { World } from "../../tests/world/world.ts";

export interface OrderStory {
  readonly orderId: string;
  readonly product: "prepaid-card" | "travel-esim";
  /** The folder under `src/rails/`. */
  readonly rail: "stellar-contract" | "evm-x402" | "ton-jetton";
  readonly asset: "USDC" | "XLM" | "USDT";
  /** What makes this order worth showing, for people. */
  readonly about: string;
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

/** What a story is made of, before it is told. */
export type StoryPlan = Pick<OrderStory, "product" | "rail" | "asset" | "about" | "wanted">;

/** A step of the agent's SDK, at this time. */
export interface AgentStep {
  readonly step: string;
  readonly orderId: string;
  readonly payment: { readonly amount: string; readonly asset: string } | null;
  readonly atMs: number;
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
  authorization_claimed: "promised",
  authorization_sent: "sent",
  deposit_matched: "seen",
  deposit_dropped: "taken back",
  payment_confirmed: "matched",
  attempt_failed: "refused",
  attempt_succeeded: "delivered",
  refund_signed: "refund signed",
  refund_confirmed: "refunded",
};

export async function readStory(
  world: World,
  bought: StoryPlan & { readonly orderId: string; readonly steps: readonly AgentStep[] },
): Promise<OrderStory> {
  const { steps, ...plan } = bought;
  const { orderId } = plan;
  const shown = await world.command("orders", "show", orderId, "--json");
  const record = JSON.parse(shown) as ShopRecord;
  const startMs = record.order.createdAtMs;
  const phases = [
    ...steps.flatMap(agentPhase),
    ...(plan.rail === "stellar-contract" ? ledgerPhases(world, record) : []),
    ...record.events.flatMap((row) => shopPhase(row)),
  ];
  return {
    ...plan,
    outcome: record.order.state,
    phases: phases
      .map((phase) => ({ ...phase, atMs: Math.max(0, Math.round(phase.atMs - startMs)) }))
      .toSorted((a, b) => a.atMs - b.atMs),
    tx: {
      payment: record.deposits.at(-1)?.txId ?? null,
      refund: record.payouts.find(({ cause }) => cause === "order_failed")?.txId ?? null,
    },
  };
}

function agentPhase({ step, payment, atMs }: AgentStep): Phase[] {
  if (step === "quote") return [{ phase: "quote", atMs, note: "the shop names the price" }];
  if (step !== "signed") return [];
  const note = `the agent signs ${payment?.amount ?? ""} ${payment?.asset.toUpperCase() ?? ""}`;
  return [{ phase: "signed", atMs, note }];
}

function ledgerPhases(world: World, { deposits }: ShopRecord): Phase[] {
  return deposits.flatMap(({ height, seenAtMs, txId }) => {
    const closedAtMs = world.network.closedAtMs(height);
    const ledger = { phase: "ledger", atMs: closedAtMs ?? seenAtMs, note: `ledger ${height}` };
    return [ledger, { phase: "event", atMs: seenAtMs, note: `contract event in ${txId}` }];
  });
}

function shopPhase({ event, atMs, facts }: ShopRecord["events"][number]): Phase[] {
  if (event === "stage_done") {
    const [phase, note] = STAGES[String(facts["stage"])] ?? ["stage", String(facts["stage"])];
    return [{ phase, atMs, note }];
  }
  const phase = SHOP_PHASES[event];
  if (phase === undefined) return [];
  const txId = facts["tx_id"];
  const note = NOTES[phase];
  return [{ phase, atMs, note: note ?? (txId === undefined ? "" : `transaction ${txId}`) }];
}

const STAGES: Readonly<Record<string, readonly [phase: string, note: string]>> = {
  issue: ["stage 1", "the card is issued and sealed"],
  activate: ["stage 2", "the card is verified and active"],
  order: ["stage 1", "the eSIM is ordered"],
  allocate: ["stage 2", "its profile is allocated and sealed"],
};

const NOTES: Readonly<Record<string, string>> = {
  promised: "the signed promise is stored, nothing is sent yet",
  seen: "the transfer is in a block that may be replaced",
  "taken back": "the chain replaced the block; the promise is carried out again",
  matched: "the payment is final and the order's",
  refused: "the supplier refuses",
};

/** One JSON line per order. */
export function outcomeLine(story: OrderStory): string {
  return JSON.stringify({
    event: "order",
    product: story.product,
    rail: story.rail,
    asset: story.asset,
    outcome: story.outcome,
    order_id: story.orderId,
    phases: story.phases.map(({ phase, atMs }) => ({ phase, at_ms: atMs })),
    tx: story.tx,
  });
}

export function printTimeline(story: OrderStory, print: (line: string) => void): void {
  print("");
  print(`Order ${story.orderId}, ${story.about}: ${story.outcome}`);
  let beforeMs = 0;
  for (const { phase, atMs, note } of story.phases) {
    const since = `+${atMs - beforeMs}`;
    print(`  ${String(atMs).padStart(6)} ms  ${since.padStart(6)}  ${phase.padEnd(14)} ${note}`);
    beforeMs = atMs;
  }
  print(`  payment ${story.tx.payment ?? "none"}`);
  if (story.tx.refund !== null) print(`  refund  ${story.tx.refund}`);
}
