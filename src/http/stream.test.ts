import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { ErrorBody } from "#wire";
import { DEFAULT_LIMITS, DEFAULT_STREAMS, type HttpDeps } from "./deps.ts";
import { CARD, openTestShop, type TestShop } from "./test-shop.ts";
import { openStream } from "./test-stream.ts";

async function openCount(shop: TestShop): Promise<{ total: number; unique_keys: number }> {
  shop.world.skewMs += 5000; // past the second for which the page is kept
  const page = (await (await shop.ask("/status")).json()) as {
    sse: { total: number; unique_keys: number };
  };
  return page.sse;
}

async function waitForCount(shop: TestShop, total: number): Promise<void> {
  await expect.poll(async () => (await openCount(shop)).total, { timeout: 10_000 }).toBe(total);
}

test("the first bytes are the opening and the current state, exactly", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const stream = await openStream(shop, id);
  expect(stream.response.statusCode).toBe(200);
  expect(stream.response.headers).toMatchObject({
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    connection: "keep-alive",
    "x-accel-buffering": "no",
    "transfer-encoding": "chunked",
    "x-request-id": expect.any(String) as string,
    ratelimit: "limit=600, remaining=599, reset=60",
  });
  expect(stream.response.headers["content-encoding"]).toBeUndefined();
  await stream.until("data: ");
  const json = await (await shop.ask(`/v1/orders/${id}`)).text();
  expect(stream.text()).toBe(`: connected\n\nid: 1\nevent: phase\ndata: ${json}\n\n`);
});

test("each event has its own frame with the whole state, the last one brings the card and ends the stream", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order({ amount_usdc: "10.00", metadata: { a: "b\nc" } });
  const stream = await openStream(shop, id);
  await stream.until("id: 1\n");
  await shop.pay(id);
  await shop.deliver(id);
  expect(await stream.ended).toBe("end");
  expect(stream.events().map(({ id: seq, view }) => [seq, view.status, view.phase])).toEqual([
    [1, "pending_payment", "awaiting_payment"],
    [2, "ordering", "processing"],
    [3, "ordering", "processing"],
    [4, "stage1_done", "processing"],
    [5, "stage1_done", "processing"],
    [6, "delivered", "ready"],
  ]);
  const views = stream.events().map(({ view }) => view);
  expect(views.map(({ payment_asset: asset }) => asset)).toEqual([
    "usdc",
    ...Array.from({ length: 5 }, () => "usdc_soroban"),
  ]);
  expect(views.slice(0, -1).every(({ card }) => card === undefined)).toBe(true);
  expect(views.at(-1)).toEqual(await (await shop.ask(`/v1/orders/${id}`)).json());
  expect(views.at(-1)?.card).toEqual(CARD);
});

test("a stream opened after the end shows the end and closes", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  await shop.pay(id);
  await shop.deliver(id);
  for (const headers of [{}, { "last-event-id": "6" }]) {
    const stream = await openStream(shop, id, { headers });
    expect(await stream.ended).toBe("end");
    expect(stream.events()).toMatchObject([{ id: 6, view: { phase: "ready", card: CARD } }]);
  }
});

test("Last-Event-ID replays what came after it, each event as it was, then goes on live", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  await shop.pay(id);
  const attemptId = await shop.startAttempt(id);
  await shop.stage(attemptId, "issue");
  const stream = await openStream(shop, id, { headers: { "last-event-id": "1" } });
  await stream.until("id: 4\n");
  await shop.stage(attemptId, "activate");
  expect(await stream.ended).toBe("end");
  expect(stream.text()).toMatch(/^: connected\n\nid: 2\n/);
  expect(stream.events().map(({ id: seq, view }) => [seq, view.status])).toEqual([
    [2, "ordering"],
    [3, "ordering"],
    [4, "stage1_done"],
    [5, "stage1_done"],
    [6, "delivered"],
  ]);
  const uninterrupted = await openStream(shop, id, { headers: { "last-event-id": "0" } });
  await uninterrupted.ended;
  expect(uninterrupted.events()[0]).toMatchObject({
    id: 1,
    view: { status: "pending_payment", payment_asset: "usdc", payment: { order_id: id } },
  });
  expect(uninterrupted.events().slice(1)).toEqual(stream.events());
});

test("a client that has everything gets nothing until something happens", async () => {
  const shop = await openTestShop({
    settings: { streams: { ...DEFAULT_STREAMS, heartbeatMs: 50 } },
  });
  const { order_id: id } = await shop.order();
  const stream = await openStream(shop, id, { headers: { "last-event-id": "1" } });
  await stream.until(": keepalive\n\n");
  expect(stream.events()).toEqual([]);
  await shop.expire(id);
  expect(await stream.ended).toBe("end");
  expect(stream.events()).toMatchObject([{ id: 2, view: { phase: "expired" } }]);
});

test.each(["", "abc", "-1", "1.5", "1769860800000", "99999999999999999999"])(
  "the Last-Event-ID %j is no event of the order: the current state comes first",
  async (header) => {
    const shop = await openTestShop();
    const { order_id: id } = await shop.order();
    const stream = await openStream(shop, id, { headers: { "last-event-id": header } });
    await stream.until("id: 1\n");
    expect(stream.events()).toMatchObject([{ id: 1, view: { phase: "awaiting_payment" } }]);
  },
);

test("a stream outlives the failure and shows the refund", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  await shop.pay(id);
  const stream = await openStream(shop, id);
  await shop.giveUp(id);
  await shop.signRefund(id);
  await stream.until("id: 4\n");
  await shop.confirmRefund(id);
  expect(await stream.ended).toBe("end");
  expect(stream.events().map(({ view }) => view.phase)).toEqual([
    "processing",
    "failed",
    "failed",
    "refunded",
  ]);
  expect(stream.events().at(-1)?.view.refund?.stellar_txid).toBe(`refund_of_${id}`);
});

/** The same store; `after` runs when the named read has its result and before anybody sees it. */
function delayRead(deps: HttpDeps, after: (orderId: string) => Promise<void>): HttpDeps {
  const { read } = deps.store;
  const byId: typeof read.orders.byId = async (orderId) => {
    const order = await read.orders.byId(orderId);
    await after(orderId);
    return order;
  };
  return {
    ...deps,
    store: {
      transact: (name, input) => deps.store.transact(name, input),
      read: { ...read, orders: { ...read.orders, byId } },
    },
  };
}

test("an event between the first read and the subscription is not lost", async () => {
  let onRead: (orderId: string) => Promise<void> = async () => {};
  const shop = await openTestShop({ wrap: (deps) => delayRead(deps, (id) => onRead(id)) });
  const { order_id: id } = await shop.order();
  let reads = 0;
  onRead = async () => {
    reads += 1;
    if (reads === 1) await shop.pay(id);
    if (reads === 2) await shop.deliver(id);
  };
  const stream = await openStream(shop, id);
  expect(await stream.ended).toBe("end");
  expect(stream.events().map(({ id: seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
});

test("a burst of events wakes one read at a time and none is lost or repeated", async () => {
  let running = 0;
  let most = 0;
  let reads = 0;
  const shop = await openTestShop({
    wrap: (deps) => {
      const { read } = deps.store;
      const after: typeof read.events.after = async (orderId, seq) => {
        running += 1;
        reads += 1;
        most = Math.max(most, running);
        await sleep(1);
        const rows = await read.events.after(orderId, seq);
        running -= 1;
        return rows;
      };
      return {
        ...deps,
        store: {
          transact: (name, input) => deps.store.transact(name, input),
          read: { ...read, events: { ...read.events, after } },
        },
      };
    },
  });
  const { order_id: id } = await shop.order();
  await shop.pay(id);
  const stream = await openStream(shop, id);
  for (let i = 0; i < 50; i++) await shop.rejectAttempt(await shop.startAttempt(id));
  await shop.deliver(id);
  expect(await stream.ended).toBe("end");
  expect(stream.events().map(({ id: seq }) => seq)).toEqual(
    Array.from({ length: 105 }, (_, i) => i + 2),
  );
  expect(most).toBe(1);
  expect(reads).toBeLessThan(105);
});

test("a reader that stalls holds back its own stream only and gets every event once it reads", async () => {
  const shop = await openTestShop();
  const metadata = { x: "y".repeat(8000) };
  const { order_id: id } = await shop.order({ amount_usdc: "10.00", metadata });
  await shop.pay(id);
  const slow = await openStream(shop, id, { isPaused: true });
  const quick = await openStream(shop, id);
  // More than the socket buffers of both ends hold.
  for (let i = 0; i < 600; i++) await shop.rejectAttempt(await shop.startAttempt(id));
  await shop.deliver(id);
  expect(await quick.ended).toBe("end");
  await waitForCount(shop, 1);
  slow.response.resume();
  expect(await slow.ended).toBe("end");
  expect(slow.events().map(({ id: seq }) => seq)).toEqual(
    Array.from({ length: 1205 }, (_, i) => i + 2),
  );
});

test("a reader that takes nothing for two heartbeats is cut, without a clean end", async () => {
  const shop = await openTestShop({
    settings: { streams: { ...DEFAULT_STREAMS, heartbeatMs: 200 } },
  });
  const metadata = { x: "y".repeat(8000) };
  const { order_id: id } = await shop.order({ amount_usdc: "10.00", metadata });
  await shop.pay(id);
  const slow = await openStream(shop, id, { isPaused: true });
  await waitForCount(shop, 1);
  for (let i = 0; i < 600; i++) await shop.rejectAttempt(await shop.startAttempt(id));
  await waitForCount(shop, 0);
  slow.response.resume();
  expect(await slow.ended).toBe("cut");
  const last = slow.events().at(-1)?.id ?? 0;
  expect(last).toBeLessThan(1202); // the rest was never read for it
  // It comes again and goes on where it was.
  const again = await openStream(shop, id, { headers: { "last-event-id": String(last) } });
  await shop.deliver(id);
  expect(await again.ended).toBe("end");
  expect(again.events()[0]?.id).toBe(last + 1);
  expect(again.events().at(-1)?.view.phase).toBe("ready");
});

test("heartbeats come while nothing happens, exactly as bytes", async () => {
  const shop = await openTestShop({
    settings: { streams: { ...DEFAULT_STREAMS, heartbeatMs: 100 } },
  });
  const { order_id: id } = await shop.order();
  const stream = await openStream(shop, id);
  await stream.until((text) => text.split(": keepalive\n\n").length > 3);
  expect(stream.text().replace(/id: .*\n.*\n.*\n\n/, "")).toMatch(
    /^: connected\n\n(: keepalive\n\n){3,}$/,
  );
});

test("a key may hold so many streams, a server so many in all, and places come back", async () => {
  const shop = await openTestShop({
    settings: { streams: { ...DEFAULT_STREAMS, perKey: 2, perServer: 3 } },
  });
  const { order_id: id } = await shop.order();
  const otherKey = await shop.addKey();
  const { order_id: otherId } = await shop.order(undefined, { headers: { "x-api-key": otherKey } });
  const first = await openStream(shop, id);
  await openStream(shop, id);
  const third = await shop.ask(`/v1/orders/${id}/stream`);
  expect(third.status).toBe(429);
  expect((await third.json()) as ErrorBody).toMatchObject({
    error: "too_many_streams",
    reason: "key_stream_limit",
  });
  await openStream(shop, otherId, { apiKey: otherKey });
  const fourth = await shop.ask(`/v1/orders/${otherId}/stream`, {
    headers: { "x-api-key": otherKey },
  });
  expect(fourth.status).toBe(429);
  expect(fourth.headers.get("retry-after")).toBe("5");
  expect((await fourth.json()) as ErrorBody).toMatchObject({ reason: "server_stream_limit" });
  expect(await openCount(shop)).toEqual({ total: 3, unique_keys: 2 });
  first.destroy();
  await waitForCount(shop, 2);
  expect((await openStream(shop, id)).response.statusCode).toBe(200);
});

test("opening a stream counts as a read", async () => {
  const shop = await openTestShop({
    settings: { limits: { ...DEFAULT_LIMITS, reads: { count: 1, windowMs: 60_000 } } },
  });
  const { order_id: id } = await shop.order();
  expect((await openStream(shop, id)).response.statusCode).toBe(200);
  expect((await openStream(shop, id)).response.statusCode).toBe(429);
});

test("shutdown cuts streams without a clean end and refuses what comes on open connections", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const stream = await openStream(shop, id);
  await stream.until("id: 1\n");
  await shop.app.close();
  expect(await stream.ended).toBe("cut");
});

test("to HTTP/1.0 the end of the connection is the end, and a cut is a reset", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  const read = (): Promise<readonly [text: string, code: string | null]> =>
    new Promise((resolve) => {
      const socket = connect(shop.port, "127.0.0.1");
      let text = "";
      let code: string | null = null;
      socket.write(`GET /v1/orders/${id}/stream HTTP/1.0\r\nX-Api-Key: ${shop.apiKey}\r\n\r\n`);
      socket.on("data", (part) => {
        text += part.toString();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        code = error.code ?? "unknown";
      });
      socket.on("close", () => resolve([text, code]));
    });
  const whole = read();
  await waitForCount(shop, 1);
  await shop.pay(id);
  await shop.deliver(id);
  const [text, code] = await whole;
  expect(code).toBeNull();
  expect(text).toMatch(/\r\n\r\n: connected\n\nid: 1\n/);
  expect(text).toContain('"phase":"ready"');

  const { order_id: open } = await shop.order();
  const broken = new Promise<string>((resolve) => {
    const socket = connect(shop.port, "127.0.0.1");
    socket.write(`GET /v1/orders/${open}/stream HTTP/1.0\r\nX-Api-Key: ${shop.apiKey}\r\n\r\n`);
    socket.on("data", () => void shop.app.close());
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    socket.on("close", () => resolve("an orderly close"));
  });
  expect(await broken).toBe("ECONNRESET");
});

test("a stream that cannot be read on is cut, not ended", async () => {
  const shop = await openTestShop({
    wrap: (deps) => ({
      ...deps,
      openGoods: () => {
        throw new Error("the vault is shut");
      },
    }),
  });
  const { order_id: id } = await shop.order();
  const stream = await openStream(shop, id);
  await stream.until("id: 1\n");
  await shop.pay(id);
  await shop.deliver(id);
  expect(await stream.ended).toBe("cut");
  expect(shop.logLines.join("\n")).toContain("a stream cannot be read on");
  // Opened now, it fails before anything is sent.
  const late = await shop.ask(`/v1/orders/${id}/stream`);
  expect(late.status).toBe(500);
  await waitForCount(shop, 0);
});

test("a stream is logged once, when it ends, without what it carried", async () => {
  const shop = await openTestShop();
  const { order_id: id } = await shop.order();
  await shop.pay(id);
  const stream = await openStream(shop, id, { headers: { "x-request-id": "my-stream" } });
  await shop.deliver(id);
  await stream.ended;
  const lines = (): string[] => shop.logLines.filter((line) => line.includes("my-stream"));
  await expect.poll(() => lines().length, { timeout: 10_000 }).toBe(1);
  expect(JSON.parse(lines()[0] ?? "")).toMatchObject({
    message: "request",
    request_id: "my-stream",
    method: "GET",
    route: "/v1/orders/:id/stream",
    status: 200,
    ms: expect.any(Number) as number,
  });
  expect(shop.logLines.join("\n")).not.toContain(CARD.number);
});
