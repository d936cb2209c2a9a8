import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { expect, test, vi } from "vitest";
import type { Order } from "./answers.ts";
import {
  AuthenticationError,
  BadAnswerError,
  OrderExpiredError,
  OrderFailedError,
  OrderNotFoundError,
  OrderRejectedError,
  WaitTimeoutError,
} from "./errors.ts";
import { waitForCard, watchOrder, type WaitForCardOptions } from "./stream.ts";
import {
  answerJson,
  API_KEY,
  CARD,
  frame,
  openEventStream,
  ORDER_ID,
  orderIn,
  startPeer,
  type Peer,
  type PeerRequest,
} from "./testing/peer.ts";

const FAST = { deadlineMs: 10_000, stallMs: 5_000, pollMs: 20 };
const STREAM = `/v1/orders/${ORDER_ID}/stream`;
const POLL = `/v1/orders/${ORDER_ID}`;

function wait(peer: Peer, options: Partial<WaitForCardOptions> = {}) {
  return waitForCard({
    baseUrl: peer.baseUrl,
    apiKey: API_KEY,
    orderId: ORDER_ID,
    ...FAST,
    ...options,
  });
}

/** A shop whose stream does what `stream` says, and whose order is ready. */
function shopWithStream(
  stream: (response: ServerResponse, request: PeerRequest, nth: number) => unknown,
) {
  let streams = 0;
  return startPeer(async (request, response) => {
    if (request.path === STREAM) await stream(response, request, streams++);
    else answerJson(response, 200, orderIn("ready", 9));
  });
}

const paths = (peer: Peer) => peer.requests.map(({ path }) => path);

test("the card arrives over the stream, with each phase told once", async () => {
  const phases: string[] = [];
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    for (const [at, phase] of ["awaiting_payment", "processing", "processing", "ready"].entries())
      response.write(frame(orderIn(phase, at), at));
    response.end();
  });
  const order = await wait(peer, { onPhase: (phase) => phases.push(phase) });
  expect(order.card).toEqual(CARD);
  expect(phases).toEqual(["awaiting_payment", "processing", "ready"]);
  expect(paths(peer)).toEqual([STREAM]);
  expect(peer.requests[0]?.headers["x-api-key"]).toBe(API_KEY);
  expect(peer.requests[0]?.headers.accept).toBe("text/event-stream");
});

test("a stream without its content type is left for polling", async () => {
  const peer = await shopWithStream((response) => {
    response.writeHead(200, { "Content-Type": "text/plain" }).end(frame(orderIn("rejected")));
  });
  expect((await wait(peer)).card).toEqual(CARD);
  expect(paths(peer)).toEqual([STREAM, POLL]);
});

test("a stream that ends cleanly before the end is continued by polling", async () => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.end(frame(orderIn("processing")));
  });
  expect((await wait(peer)).card).toEqual(CARD);
});

test("a stream whose connection breaks is continued by polling", async () => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.write(frame(orderIn("processing")), () => response.destroy());
  });
  expect((await wait(peer)).card).toEqual(CARD);
});

test("a stream without a byte for stallMs is left; heartbeats alone keep it", async () => {
  const stalled = await shopWithStream((response) => openEventStream(response));
  expect((await wait(stalled, { stallMs: 100 })).card).toEqual(CARD);
  expect(paths(stalled)).toEqual([STREAM, POLL]);

  const alive = await shopWithStream(async (response) => {
    openEventStream(response);
    for (let beat = 0; beat < 12; beat++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      response.write(": keepalive\n\n");
    }
    response.write(frame(orderIn("ready")));
  });
  expect((await wait(alive, { stallMs: 400 })).card).toEqual(CARD);
  expect(paths(alive)).toEqual([STREAM]);
});

test("a stream of heartbeats that never says anything is not trusted for ever", async () => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    const timer = setInterval(() => response.write(": keepalive\n\n"), 10);
    response.on("close", () => clearInterval(timer));
  });
  expect((await wait(peer, { stallMs: 50 })).card).toEqual(CARD);
  expect(paths(peer)).toEqual([STREAM, POLL]);
});

test("a server that never answers the stream request is left for polling", async () => {
  const peer = await shopWithStream(() => undefined);
  expect((await wait(peer, { stallMs: 100 })).card).toEqual(CARD);
});

test("after an end it reconnects with the last event id", async () => {
  const peer = await startPeer((request, response) => {
    if (request.path === POLL) {
      answerJson(response, 200, orderIn("processing", 1));
      return;
    }
    openEventStream(response);
    if (request.headers["last-event-id"] === "7") response.write(frame(orderIn("ready", 2), 8));
    else response.end(frame(orderIn("processing", 1), 7));
  });
  expect((await wait(peer)).card).toEqual(CARD);
  expect(paths(peer)).toEqual([STREAM, POLL, STREAM]);
});

test("CRLF, data over several lines and pieces that cut a character are read", async () => {
  const text = JSON.stringify({ ...orderIn("ready"), card: { ...CARD, brand: "Zürcher 卡 🂡" } });
  const cut = text.indexOf('","phase"') + 2;
  const stream = `: connected\r\n\r\nid: 1\r\nevent: phase\r\ndata: ${text.slice(0, cut)}\r\ndata: ${text.slice(cut)}\r\n\r\n`;
  const peer = await shopWithStream(async (response) => {
    response.writeHead(200, { "Content-Type": "Text/Event-Stream; charset=utf-8" });
    for (const byte of Buffer.from(stream))
      if (!response.write(Buffer.of(byte))) await once(response, "drain");
  });
  expect((await wait(peer)).card.brand).toBe("Zürcher 卡 🂡");
});

test("a frame that grows without end is dropped at 1 MiB and the order polled", async () => {
  let sentBytes = 0;
  const peer = await shopWithStream(async (response) => {
    openEventStream(response);
    response.write("data: ");
    const closed = once(response, "close");
    response.setMaxListeners(0);
    while (!response.destroyed && sentBytes < 200_000_000) {
      sentBytes += 65_536;
      if (!response.write("x".repeat(65_536)))
        await Promise.race([once(response, "drain"), closed]);
    }
  });
  expect((await wait(peer)).card).toEqual(CARD);
  expect(sentBytes).toBeLessThan(20_000_000);
});

test.each([
  ["not JSON", "data: {oops\n\n"],
  ["another order", frame({ ...orderIn("ready"), order_id: "other" })],
  ["ready without a card", frame({ ...orderIn("ready"), card: undefined })],
  ["a card of the wrong shape", frame({ ...orderIn("ready"), card: { number: 4111 } })],
])("a stream that says %s is not believed", async (_what, text) => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.write(text);
  });
  expect((await wait(peer)).card).toEqual(CARD);
});

test("401 and 404 end the wait at once", async () => {
  for (const [status, code, kind] of [
    [401, "invalid_api_key", AuthenticationError],
    [404, "order_not_found", OrderNotFoundError],
  ] as const) {
    const peer = await startPeer((_request, response) =>
      answerJson(response, status, { error: code, message: "No." }),
    );
    await expect(wait(peer)).rejects.toThrow(kind);
    expect(paths(peer)).toEqual([STREAM, POLL]);
  }
});

test("a proxy that refuses only the stream does not end the wait", async () => {
  const peer = await shopWithStream((response) => answerJson(response, 404, {}));
  expect((await wait(peer)).card).toEqual(CARD);
});

test.each([429, 500, 503])("status %i of the stream falls back to polling", async (status) => {
  const peer = await shopWithStream((response) =>
    answerJson(response, status, { error: "too_many_streams" }),
  );
  expect((await wait(peer)).card).toEqual(CARD);
});

test("polling survives failing servers and lost connections, and honours Retry-After", async () => {
  const askedAtMs: number[] = [];
  const peer = await startPeer((request, response) => {
    if (request.path === STREAM) {
      answerJson(response, 501, {});
      return;
    }
    askedAtMs.push(Date.now());
    if (askedAtMs.length === 1) answerJson(response, 503, {}, { "Retry-After": "1" });
    else if (askedAtMs.length === 2) response.destroy();
    else if (askedAtMs.length === 3) response.writeHead(200).end("<html>");
    else answerJson(response, 200, orderIn("ready"));
  });
  expect((await wait(peer)).card).toEqual(CARD);
  expect((askedAtMs[1] ?? 0) - (askedAtMs[0] ?? 0)).toBeGreaterThanOrEqual(990);
});

test("a shop that keeps answering nonsense is named as such", async () => {
  const peer = await startPeer((_request, response) => response.writeHead(200).end("<html>"));
  await expect(wait(peer)).rejects.toThrow(BadAnswerError);
});

test("after failed it waits for the refund and throws with it", async () => {
  const phases: string[] = [];
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.write(frame(orderIn("failed", 1)) + frame(orderIn("refunded", 2)));
  });
  const error = await wait(peer, { onPhase: (phase) => phases.push(phase) }).catch(
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(OrderFailedError);
  expect(error).toMatchObject({
    orderId: ORDER_ID,
    refund: { stellar_txid: "ab".repeat(32) },
    retryable: false,
  });
  expect(phases).toEqual(["failed", "refunded"]);
});

test("with untilRefunded false it throws on failed, without a refund", async () => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.write(frame(orderIn("failed", 1)));
  });
  await expect(wait(peer, { untilRefunded: false })).rejects.toMatchObject({
    name: "OrderFailedError",
    refund: null,
  });
});

test("an older server that rests in failed ends in a timeout that can be resumed", async () => {
  const peer = await startPeer((_request, response) =>
    answerJson(response, 200, { ...orderIn("failed"), status: "failed" }),
  );
  await expect(wait(peer, { deadlineMs: 200 })).rejects.toMatchObject({
    name: "WaitTimeoutError",
    phase: "failed",
    retryable: true,
  });
});

test("rejected and expired throw what happened", async () => {
  for (const [phase, kind] of [
    ["rejected", OrderRejectedError],
    ["expired", OrderExpiredError],
  ] as const) {
    const peer = await startPeer((_request, response) =>
      answerJson(response, 200, orderIn(phase, 0, { note: "Too late." })),
    );
    await expect(wait(peer)).rejects.toThrow(kind);
  }
});

test("the deadline ends the wait in every situation, with the last phase", async () => {
  const silent = await startPeer(() => undefined);
  await expect(wait(silent, { deadlineMs: 100, stallMs: 60_000 })).rejects.toThrow(
    WaitTimeoutError,
  );
  const processing = await startPeer((_request, response) =>
    answerJson(response, 200, orderIn("processing")),
  );
  await expect(wait(processing, { deadlineMs: 200 })).rejects.toMatchObject({
    phase: "processing",
    orderId: ORDER_ID,
  });
});

test("an aborted signal ends the wait with its own reason", async () => {
  const peer = await shopWithStream((response) => openEventStream(response));
  const reason = new Error("enough");
  await expect(wait(peer, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  const controller = new AbortController();
  const waiting = wait(peer, { signal: controller.signal, stallMs: 60_000 });
  await vi.waitFor(() => expect(peer.requests.length).toBeGreaterThan(0));
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

test("a phase of the future is passed on and waited through", async () => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.write(frame(orderIn("gift_wrapping", 1)) + frame(orderIn("ready", 2)));
  });
  const phases: string[] = [];
  await wait(peer, { onPhase: (phase) => phases.push(phase) });
  expect(phases).toEqual(["gift_wrapping", "ready"]);
});

test("an answer older than what is known is not told", async () => {
  const peer = await startPeer((request, response) => {
    if (request.path === POLL) {
      answerJson(response, 200, orderIn("awaiting_payment", 1));
      return;
    }
    openEventStream(response);
    if (request.headers["last-event-id"] === undefined)
      response.end(frame(orderIn("processing", 2), 2));
    else response.write(frame(orderIn("ready", 3), 3));
  });
  const phases: string[] = [];
  await wait(peer, { onPhase: (phase) => phases.push(phase) });
  expect(phases).toEqual(["processing", "ready"]);
});

test("leaving the loop closes the connection", async () => {
  const peer = await shopWithStream((response) => {
    openEventStream(response);
    response.write(frame(orderIn("processing")));
  });
  const seen: Order[] = [];
  for await (const order of watchOrder({
    baseUrl: peer.baseUrl,
    apiKey: API_KEY,
    orderId: ORDER_ID,
  })) {
    seen.push(order);
    break;
  }
  expect(seen).toHaveLength(1);
  await vi.waitFor(() => expect(peer.openConnections()).toBe(0));
});
