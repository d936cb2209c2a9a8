import type { ServerResponse } from "node:http";
import { isFinal } from "../orders/lifecycle.ts";
import type { Order } from "../orders/order.ts";
import type { HttpDeps } from "./deps.ts";
import type { HeartbeatWheel } from "./heartbeat.ts";
import { orderAt } from "./read-order.ts";
import { frame, HEARTBEAT, OPENING } from "./sse.ts";

/** Where a stream begins. */
export interface StreamStart {
  readonly orderId: string;
  /** Sent at once, as one piece with the opening; null when the client resumes. */
  readonly first: string | null;
  /** The last event that the client has, or that `first` shows. */
  readonly seq: number;
  /** `first` is the end of the story. */
  readonly isOver: boolean;
  readonly requestId: string;
  /** The data of an event. */
  readonly viewOf: (order: Order) => Promise<object>;
}

/** An open stream as its owner sees it. */
export interface OpenStream {
  /** Cuts the connection without a clean end, so that the client falls back or comes again. */
  cut(): void;
}

type StreamDeps = Pick<HttpDeps, "feed" | "log" | "store">;

/**
 * Sends an order's events on a response whose head is written, until a final one. The event rows are the
 * truth: a wake-up makes the stream read what comes after the last event it sent, one read at a time. While
 * the reader is slow nothing is read, so no more than the socket's high-water mark and one event wait in memory.
 */
export function runStream(
  deps: StreamDeps,
  wheel: HeartbeatWheel,
  response: ServerResponse,
  start: StreamStart,
): OpenStream {
  const { orderId, requestId, viewOf } = start;
  let sentSeq = start.seq;
  let isReading = false;
  let hasNews = false;
  let wasBlockedAtBeat = false;

  const isClosed = (): boolean => response.destroyed || response.writableEnded;
  const cut = (): void => {
    // A reset, because to a reader of HTTP/1.0 (proxies are) an orderly close would be the end of the body.
    response.socket?.resetAndDestroy();
    response.destroy();
  };

  const sendNews = async (): Promise<void> => {
    // Events first: the order that is read after them is at least as new.
    const events = await deps.store.read.events.after(orderId, sentSeq);
    if (events.length === 0) return;
    const order = await deps.store.read.orders.byId(orderId);
    if (order === null) return cut();
    for (const event of events) {
      const view = await viewOf(orderAt(order, event));
      if (isClosed()) return;
      response.write(frame(event.seq, JSON.stringify(view)));
      spoke.touch();
      sentSeq = event.seq;
      if (isFinal(event.state)) {
        response.end();
        return;
      }
      if (response.writableNeedDrain) return; // goes on at "drain", from sentSeq
    }
  };
  const wake = async (): Promise<void> => {
    hasNews = true;
    if (isReading) return;
    isReading = true;
    try {
      while (hasNews && !isClosed() && !response.writableNeedDrain) {
        hasNews = false;
        await sendNews();
      }
    } catch (error) {
      deps.log.error("a stream cannot be read on", { request_id: requestId, orderId, error });
      cut();
    } finally {
      isReading = false;
    }
  };
  const wakeUp = (): void => void wake();

  const spoke = wheel.add({
    beat: () => {
      if (response.writableNeedDrain && wasBlockedAtBeat) return cut();
      wasBlockedAtBeat = response.writableNeedDrain;
      if (!wasBlockedAtBeat && !isClosed()) response.write(HEARTBEAT);
    },
  });
  // Subscribed before the first read, so that no event falls between the two.
  const unsubscribe = deps.feed.subscribe(orderId, wakeUp);
  response.on("drain", wakeUp);
  response.on("close", () => {
    unsubscribe();
    spoke.remove();
  });

  response.write(start.first === null ? OPENING : OPENING + start.first);
  if (start.isOver) response.end();
  else wakeUp();
  return { cut };
}
