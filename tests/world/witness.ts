/** Follows one order as a suspicious client does: keeps whatever it is shown and looks for contradictions. */
import { FINAL_PHASES, type OrderPhase, type OrderView } from "#wire";
import type { Said } from "./canary.ts";

/** One event of the stream. */
export interface Frame {
  readonly id: number;
  readonly view: OrderView;
  /** When it arrived, by `performance.now()`. */
  readonly atMs: number;
}

export interface Witness {
  readonly frames: readonly Frame[];
  /** Takes what a GET has answered. */
  readonly sawAnswer: (view: OrderView) => void;
  /** Resolves when the stream has shown a final phase and ended; rejects when it does not in time. */
  readonly ended: (limitMs: number) => Promise<void>;
  /** Empty when all that was shown fits together. */
  readonly contradictions: () => readonly string[];
  /** Everything that was shown but goods to their own buyer: for the search for secrets. */
  readonly said: () => readonly Said[];
  readonly stop: () => void;
}

/** Which phases may be shown after a phase; what passes quickly may go unseen. */
const MAY_FOLLOW: Readonly<Record<OrderPhase, readonly OrderPhase[]>> = {
  awaiting_approval: [
    "awaiting_payment",
    "processing",
    "ready",
    "failed",
    "refunded",
    "rejected",
    "expired",
  ],
  awaiting_payment: ["processing", "ready", "failed", "refunded", "expired"],
  processing: ["ready", "failed", "refunded"],
  failed: ["refunded"],
  ready: [],
  refunded: [],
  rejected: [],
  expired: [],
};

const RECONNECT_MS = 50;
/** Whoever listens at the shop's address and says nothing for so long is not the shop. */
const ANSWER_LIMIT_MS = 10_000;

/** Opens the order's stream and goes on after the last event whenever it breaks off, at whatever address the shop has then. */
export function watchOrder(
  shop: { readonly url: () => string; readonly apiKey: string },
  orderId: string,
): Witness {
  const frames: Frame[] = [];
  const answers: OrderView[] = [];
  const faults: string[] = [];
  const stopping = new AbortController();
  const lastId = (): number => frames.at(-1)?.id ?? 0;
  const isOver = (): boolean => FINAL_PHASES.includes(frames.at(-1)?.view.phase ?? "processing");

  const read = async (): Promise<void> => {
    const resume: Record<string, string> =
      lastId() === 0 ? {} : { "Last-Event-ID": String(lastId()) };
    const attempt = new AbortController();
    const limit = setTimeout(() => attempt.abort(), ANSWER_LIMIT_MS);
    const response = await fetch(`${shop.url()}/v1/orders/${orderId}/stream`, {
      headers: { "X-Api-Key": shop.apiKey, Accept: "text/event-stream", ...resume },
      signal: AbortSignal.any([attempt.signal, stopping.signal]),
    }).finally(() => clearTimeout(limit));
    if (!response.ok || response.body === null) throw new Error(`stream: ${response.status}`);
    let waiting = "";
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      const pieces = (waiting + chunk).split("\n\n");
      waiting = pieces.pop() ?? "";
      for (const piece of pieces) {
        const frame = readFrame(piece);
        if (frame === null) continue;
        if (frame.id < lastId()) faults.push(`event ${frame.id} came after ${lastId()}`);
        frames.push(frame);
      }
    }
  };
  const follow = async (): Promise<void> => {
    while (!isOver() && !stopping.signal.aborted) {
      // A shop that is down or goes down is what this is for: come again.
      await read().catch(() => null);
      if (!isOver()) await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS));
    }
  };
  const following = follow();
  const ended = async (limitMs: number): Promise<void> => {
    const limit = setTimeout(() => stopping.abort(), limitMs);
    await following.finally(() => clearTimeout(limit));
    if (!isOver()) throw new Error(`the stream of ${orderId} stopped at event ${lastId()}`);
  };
  return {
    frames,
    sawAnswer: (view) => void answers.push(view),
    ended,
    contradictions: () => [
      ...faults,
      ...contradictionsIn(
        frames.map(({ view }) => view),
        "stream",
      ),
      ...contradictionsIn(answers, "GET"),
      ...differingRepeats(frames),
    ],
    said: () =>
      [...frames.map(({ view }) => view), ...answers].map((view) => ({
        where: `${view.phase} of ${orderId}`,
        text: JSON.stringify(view.phase === "ready" ? { ...view, card: null } : view),
      })),
    stop: () => stopping.abort(),
  };
}

function readFrame(piece: string): Frame | null {
  const fields = new Map(
    piece.split("\n").flatMap((line) => {
      const at = line.indexOf(": ");
      return at > 0 ? [[line.slice(0, at), line.slice(at + 2)] as const] : [];
    }),
  );
  const data = fields.get("data");
  if (data === undefined) return null;
  return {
    id: Number(fields.get("id")),
    view: JSON.parse(data) as OrderView,
    atMs: performance.now(),
  };
}

/** In the order in which they were shown. */
function contradictionsIn(views: readonly OrderView[], where: string): readonly string[] {
  const found: string[] = [];
  for (const [index, view] of views.entries()) {
    const next = views[index + 1];
    if (
      next !== undefined &&
      next.phase !== view.phase &&
      !MAY_FOLLOW[view.phase].includes(next.phase)
    )
      found.push(`${where}: ${next.phase} after ${view.phase}`);
    if (next !== undefined && next.updated_at < view.updated_at)
      found.push(`${where}: went back from ${view.updated_at} to ${next.updated_at}`);
    if ((view.card === undefined) === (view.phase === "ready"))
      found.push(`${where}: ${view.phase} ${view.card === undefined ? "without" : "with"} a card`);
    if ((view.refund === undefined) === (view.phase === "refunded"))
      found.push(
        `${where}: ${view.phase} ${view.refund === undefined ? "without" : "with"} a refund`,
      );
  }
  return found;
}

/** The same event shown again must be the same event. */
function differingRepeats(frames: readonly Frame[]): readonly string[] {
  const known = new Map<number, string>();
  return frames.flatMap(({ id, view }) => {
    const text = JSON.stringify(view);
    const before = known.get(id) ?? text;
    known.set(id, text);
    return before === text ? [] : [`event ${id} was shown in two ways`];
  });
}
