/** One order's event stream, each frame with the time it arrived. */
import type { OrderPhase, OrderView } from "#wire";

export interface SeenFrame {
  readonly view: OrderView;
  /** By this machine's clock. */
  readonly atMs: number;
}

export interface OrderStream {
  /** Resolves with the first frame of this phase, also when it has come already. */
  waitFor(phase: OrderPhase): Promise<SeenFrame>;
  close(): void;
}

/** Resolves once the stream's first frame is there. */
export async function openOrderStream(
  url: string,
  apiKey: string,
  orderId: string,
): Promise<OrderStream> {
  const stopping = new AbortController();
  const answer = await fetch(`${url}/v1/orders/${orderId}/stream`, {
    headers: { "X-Api-Key": apiKey },
    signal: stopping.signal,
  });
  if (!answer.ok || answer.body === null) throw new Error(`no stream: ${answer.status}`);
  const frames: SeenFrame[] = [];
  let wake = (): void => {};
  const reading = read(answer.body, (frame) => {
    frames.push(frame);
    wake();
  });
  reading.catch(() => wake()); // A stream that was closed on purpose; waiters look at `frames`.
  const waitFor = async (phase: OrderPhase): Promise<SeenFrame> => {
    for (;;) {
      const found = frames.find(({ view }) => view.phase === phase);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return { waitFor, close: () => stopping.abort() };
}

async function read(
  body: ReadableStream<Uint8Array>,
  onFrame: (frame: SeenFrame) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let pending = "";
  for await (const bytes of body) {
    pending += decoder.decode(bytes, { stream: true });
    for (let end = pending.indexOf("\n\n"); end >= 0; end = pending.indexOf("\n\n")) {
      const data = /^data: (.*)$/m.exec(pending.slice(0, end))?.[1];
      pending = pending.slice(end + 2);
      if (data !== undefined) onFrame({ view: JSON.parse(data) as OrderView, atMs: Date.now() });
    }
  }
}
