import type { FastifyReply, FastifyRequest } from "fastify";
import { isFinal } from "../orders/lifecycle.ts";
import type { Order } from "../orders/order.ts";
import type { HttpDeps } from "./deps.ts";
import { createHeartbeatWheel } from "./heartbeat.ts";
import { refuseUntil } from "./problem.ts";
import { frame, resumeAfter } from "./sse.ts";
import { runStream, type OpenStream, type StreamStart } from "./stream.ts";

/** What a stream is about and who reads it. */
export interface StreamSubject {
  readonly order: Order;
  /** Whose places it takes: a key's id, or an address. */
  readonly readerId: string;
  /** The data of an event: the order as this API and this reader see it. */
  readonly viewOf: (order: Order) => Promise<object>;
}

/** All open streams of this process. */
export interface Streams {
  /** Answers with the order's events. Refuses `too_many_streams` before anything is sent. */
  open(request: FastifyRequest, reply: FastifyReply, subject: StreamSubject): Promise<void>;
  count(): { readonly total: number; readonly uniqueKeys: number };
  /** Cuts every stream and stops the heartbeats. */
  close(): void;
}

/** Byte for byte what clients of the cards API expect; never compressed, never buffered on the way. */
const HEAD = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-cache, no-transform",
  Connection: "keep-alive",
  "X-Accel-Buffering": "no",
};
/** A stream ends with its order; seconds are a fair guess for when the next place is free. */
const RETRY_S = 5;

export function createStreams(deps: HttpDeps): Streams {
  const { perKey, perServer, heartbeatMs } = deps.settings.streams;
  const wheel = createHeartbeatWheel(heartbeatMs);
  const places = createPlaces(perKey, perServer);
  const streams = new Set<OpenStream>();

  return {
    open: async (request, reply, subject) => {
      const response = reply.raw;
      // Gone already: its "close" will not come again to give a place back.
      if (response.destroyed) return void reply.hijack();
      response.once("close", places.take(subject.readerId));
      const start = await startOf(request, subject);
      reply.hijack();
      if (response.destroyed) return;
      const headers = Object.entries(reply.getHeaders()).flatMap(([name, value]) =>
        value === undefined || name === "cache-control" ? [] : [[name, String(value)] as const],
      );
      response.writeHead(200, { ...Object.fromEntries(headers), ...HEAD });
      const stream = runStream(deps, wheel, response, start);
      streams.add(stream);
      response.once("close", () => streams.delete(stream));
    },
    count: places.count,
    close: () => {
      wheel.stop();
      for (const stream of streams) stream.cut();
    },
  };
}

/** The current state, unless the client resumes; a client that has the end already gets it again. */
async function startOf(
  request: FastifyRequest,
  { order, viewOf }: StreamSubject,
): Promise<StreamStart> {
  const header = request.headers["last-event-id"];
  const resumed = resumeAfter(typeof header === "string" ? header : undefined, order.seq);
  const about = { orderId: order.id, requestId: request.id, viewOf };
  const isEnd = isFinal(order.state);
  if (resumed !== null && !(isEnd && resumed === order.seq))
    return { ...about, first: null, seq: resumed, isOver: false };
  const first = frame(order.seq, JSON.stringify(await viewOf(order)));
  return { ...about, first, seq: order.seq, isOver: isEnd };
}

/** Counts streams per key and in all. */
function createPlaces(perKey: number, perServer: number) {
  const ofKey = new Map<string, number>();
  let total = 0;
  const refuse = (reason: string, limit: number) =>
    refuseUntil("too_many_streams", `At most ${limit} streams may be open.`, RETRY_S, {
      reason,
      limit,
    });
  return {
    /** Returns the function that gives the place back. */
    take: (keyId: string): (() => void) => {
      const used = ofKey.get(keyId) ?? 0;
      if (used >= perKey) throw refuse("key_stream_limit", perKey);
      if (total >= perServer) throw refuse("server_stream_limit", perServer);
      ofKey.set(keyId, used + 1);
      total += 1;
      return () => {
        total -= 1;
        const left = (ofKey.get(keyId) ?? 1) - 1;
        if (left === 0) ofKey.delete(keyId);
        else ofKey.set(keyId, left);
      };
    },
    count: () => ({ total, uniqueKeys: ofKey.size }),
  };
}
