import { expect, test } from "vitest";
import type { X402OrderView } from "#wire/x402";
import type { Reader } from "../store/tx.ts";
import { DEFAULT_LIMITS, type HttpDeps } from "./deps.ts";
import { refusal } from "./test-answers.ts";
import { openX402Shop, ORDER_URL, paymentV2, PLAN, type X402Shop } from "./test-x402.ts";

/** Counts what is read of the database. */
function counting(reads: { count: number }): (deps: HttpDeps) => HttpDeps {
  return (deps) => ({
    ...deps,
    store: {
      transact: deps.store.transact,
      read: new Proxy(deps.store.read, {
        get: (target, table: keyof Reader) => {
          reads.count += 1;
          return target[table];
        },
      }),
    },
  });
}

type Headers = Readonly<Record<string, string | null>>;

async function read(
  { shop }: X402Shop,
  orderId: string,
  headers: Headers = {},
): Promise<{ readonly answer: Response; readonly body: X402OrderView }> {
  const init = { headers: { "x-api-key": null, ...headers } };
  const answer = await shop.ask(`${ORDER_URL}/${orderId}`, init);
  const text = await answer.text();
  return { answer, body: (text === "" ? {} : JSON.parse(text)) as X402OrderView };
}

/** An order that is delivered, and its token. */
async function delivered(x402: X402Shop): Promise<{ readonly id: string; readonly token: string }> {
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(id);
  await x402.shop.deliver(id);
  return { id, token: asked.body.access_token ?? "" };
}

test("whoever knows the id reads the state; what it says follows the order", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  const statusOf = async () => (await read(x402, id)).body.status;
  expect((await read(x402, id)).body).toEqual({
    order_id: id,
    status: "PENDING_PAYMENT",
    product: "travel-esim",
    plan_id: PLAN.id,
    price: { amount: "2.04", currency: "USD" },
    payment: {
      state: "none",
      rail: null,
      asset: null,
      tx_id: null,
      paid: null,
      confirmations: null,
      required: null,
    },
    refunds: [],
    error: null,
    status_url: asked.body.status_url,
    pay_url: asked.body.pay_url,
    created_at: expect.any(String) as string,
    updated_at: expect.any(String) as string,
    expires_at: asked.body.expires_at,
  });
  await x402.order(undefined, paymentV2(asked));
  expect(await statusOf()).toBe("PENDING_PAYMENT");
  await x402.mine(id);
  expect(await statusOf()).toBe("PAID");
  const attempt = await x402.shop.startAttempt(id);
  expect(await statusOf()).toBe("PROVISIONING");
  await x402.shop.stage(attempt, "issue");
  await x402.shop.stage(attempt, "activate");
  expect(await statusOf()).toBe("DELIVERED");
});

test("an order that was not paid in time is EXPIRED", async () => {
  const x402 = await openX402Shop();
  const { body } = await x402.challenge();
  await x402.shop.expire(body.order_id);
  const { answer, body: view } = await read(x402, body.order_id);
  expect(view.status).toBe("EXPIRED");
  expect(answer.headers.get("cache-control")).toBe("private, max-age=3600, immutable");
});

test("goods are for the token or the order's own key, and nobody keeps that answer", async () => {
  const x402 = await openX402Shop();
  const { id, token } = await delivered(x402);
  const stranger = await read(x402, id);
  expect(stranger.body.esim).toBeUndefined();
  expect(stranger.answer.headers.get("cache-control")).toBe("private, max-age=3600, immutable");
  for (const headers of [{ authorization: `Bearer ${token}` }, { "x-access-token": token }]) {
    const own = await read(x402, id, headers);
    expect(own.body.esim).toMatchObject({
      iccid: "89999000000000000016",
      activation_code: "LPA:1$rsp.sim.example$0123456789ABCDEF0123456789ABCDEF",
      smdp_address: "rsp.sim.example",
      confirmation_code: null,
      validity_days: 7,
    });
    expect(own.body.esim?.qr_svg).toMatch(/^<svg /);
    expect(own.answer.headers.get("cache-control")).toBe("no-store");
    expect(own.answer.headers.get("etag")).not.toBe(stranger.answer.headers.get("etag"));
    expect(own.answer.headers.get("vary")).toContain("Authorization");
  }
  const wrong = [`${token}x`, token.slice(1), "", (await delivered(x402)).token];
  for (const bad of wrong)
    expect((await read(x402, id, { "x-access-token": bad })).body.esim).toBeUndefined();
  // A token in the URL is no token.
  const inUrl = await x402.shop.ask(`${ORDER_URL}/${id}?token=${token}`, {
    headers: { "x-api-key": null },
  });
  expect(await inUrl.text()).not.toContain("LPA:");
});

test("the key of an order reads its goods, and nobody else knows of it", async () => {
  const x402 = await openX402Shop();
  const headers = { "x-api-key": x402.shop.apiKey };
  const asked = await x402.challenge(undefined, headers);
  const id = asked.body.order_id;
  await x402.order(undefined, { ...headers, ...paymentV2(asked) });
  await x402.mine(id);
  await x402.shop.deliver(id);
  expect((await read(x402, id, headers)).body.esim).toBeDefined();
  const other = { "x-api-key": await x402.shop.addKey() };
  // An order of a key is nobody else's affair: its id may stand on a chain for all to see.
  for (const stranger of [other, {}]) {
    const { answer } = await read(x402, id, stranger);
    expect(answer.status).toBe(404);
  }
  const tag = (await read(x402, id, headers)).answer.headers.get("etag");
  for (const guess of [tag, "*"])
    expect((await read(x402, id, { "if-none-match": guess })).answer.status).toBe(404);
  expect((await read(x402, id, { ...headers, "if-none-match": tag })).answer.status).toBe(304);
});

test("secrets and tokens are in no log line", async () => {
  const x402 = await openX402Shop();
  const { id, token } = await delivered(x402);
  await read(x402, id, { authorization: `Bearer ${token}` });
  const log = x402.shop.logLines.join("\n");
  expect(log).not.toContain(token);
  expect(log).not.toContain("LPA:");
  expect(log).not.toContain("89999000000000000016");
});

test("who has the newest state is told so without the database", async () => {
  const reads = { count: 0 };
  const x402 = await openX402Shop({ wrap: counting(reads) });
  const { body } = await x402.challenge();
  const first = await read(x402, body.order_id);
  const tag = first.answer.headers.get("etag") ?? "";
  expect(tag).toMatch(/^"[^"]+"$/);
  reads.count = 0;
  for (const given of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
    const { answer, body: none } = await read(x402, body.order_id, { "if-none-match": given });
    expect(answer.status).toBe(304);
    expect(none).toEqual({});
    expect(answer.headers.get("etag")).toBe(tag);
    expect(answer.headers.get("cache-control")).toBe("private, max-age=1");
    expect(answer.headers.get("retry-after")).toBe("3");
  }
  expect(reads.count).toBe(0);
});

test("an event makes the old state old at once", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  const tag = (await read(x402, id)).answer.headers.get("etag");
  await x402.order(undefined, paymentV2(asked));
  const { answer } = await read(x402, id, { "if-none-match": tag });
  expect(answer.status).toBe(200);
  expect(answer.headers.get("retry-after")).toBe("1");
});

test("one more confirmation is news, though it is no event and nothing is read for it", async () => {
  const reads = { count: 0 };
  const x402 = await openX402Shop({ wrap: counting(reads) });
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(id, { isFinal: false });
  const tag = (await read(x402, id)).answer.headers.get("etag");
  reads.count = 0;
  expect((await read(x402, id, { "if-none-match": tag })).answer.status).toBe(304);
  expect(reads.count).toBe(0);
  x402.chain.headHeight = 101;
  const { answer, body } = await read(x402, id, { "if-none-match": tag });
  expect(answer.status).toBe(200);
  expect(body.payment.confirmations).toBe(2);
});

test("a stranger's tag does not tell the owner that there is nothing new", async () => {
  const x402 = await openX402Shop();
  const { id, token } = await delivered(x402);
  const tag = (await read(x402, id)).answer.headers.get("etag");
  const own = await read(x402, id, { "if-none-match": tag, "x-access-token": token });
  expect(own.answer.status).toBe(200);
  expect(own.body.esim).toBeDefined();
});

test("an unfinished order is read anew after seconds, for what moves without an event", async () => {
  const reads = { count: 0 };
  const x402 = await openX402Shop({ wrap: counting(reads) });
  const { body } = await x402.challenge();
  const tag = (await read(x402, body.order_id)).answer.headers.get("etag");
  x402.shop.world.skewMs = 5_001;
  reads.count = 0;
  expect((await read(x402, body.order_id, { "if-none-match": tag })).answer.status).toBe(304);
  expect(reads.count).toBeGreaterThan(0);
});

test("an answer waits for news as long as the client prefers, and no longer", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  const tag = (await read(x402, id)).answer.headers.get("etag");
  const startMs = Date.now();
  const none = await read(x402, id, { prefer: "wait=1", "if-none-match": tag });
  expect(none.answer.status).toBe(304);
  expect(none.answer.headers.get("preference-applied")).toBe("wait=1");
  expect(Date.now() - startMs).toBeGreaterThanOrEqual(950);
  const waiting = read(x402, id, { prefer: "respond-async, wait=30", "if-none-match": tag });
  await x402.order(undefined, paymentV2(asked));
  const { answer, body } = await waiting;
  expect(answer.status).toBe(200);
  expect(body.payment.state).toBe("seen");
  expect(Date.now() - startMs).toBeLessThan(20_000);
});

test("a client that does not have the newest state does not wait", async () => {
  const x402 = await openX402Shop();
  const { body } = await x402.challenge();
  const startMs = Date.now();
  await read(x402, body.order_id, { prefer: "wait=30", "if-none-match": '"old"' });
  expect(Date.now() - startMs).toBeLessThan(10_000);
});

test.each(["ord_unknown", "..", "%00", "x".repeat(65)])("%s is no order", async (id) => {
  const x402 = await openX402Shop();
  const { answer } = await read(x402, id);
  expect(answer.status).toBe(404);
});

test("an order that is not there is told in the words of problem details", async () => {
  const { shop } = await openX402Shop();
  const answer = await shop.ask(`${ORDER_URL}/ord_unknown`, { headers: { "x-api-key": null } });
  expect((await refusal(answer)).code).toBe("order_not_found");
});

test("an address that polls too much is told to come again", async () => {
  const limits = { ...DEFAULT_LIMITS, walkInReads: { count: 2, windowMs: 60_000 } };
  const x402 = await openX402Shop({ settings: { limits } });
  const { body } = await x402.challenge();
  expect((await read(x402, body.order_id)).answer.status).toBe(200);
  const { answer } = await read(x402, body.order_id);
  expect(answer.status).toBe(429);
  expect(answer.headers.get("retry-after")).not.toBeNull();
});

/** Opens an order's stream; its events are there when it has ended. */
async function openEvents(
  { shop }: X402Shop,
  id: string,
  headers: Headers = {},
): Promise<{ readonly seen: Promise<readonly X402OrderView[]> }> {
  const answer = await shop.ask(`${ORDER_URL}/${id}/events`, {
    headers: { "x-api-key": null, ...headers },
  });
  expect(answer.headers.get("content-type")).toBe("text/event-stream");
  return { seen: answer.text().then(eventsOf) };
}

function eventsOf(text: string): readonly X402OrderView[] {
  expect(text).toMatch(/^: connected\n\nid: \d+\nevent: phase\ndata: /);
  return text
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => JSON.parse(line.slice(6)) as X402OrderView);
}

test("the events of an order end with its goods, for its owner alone", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  const own = await openEvents(x402, id, { "x-access-token": asked.body.access_token ?? "" });
  const stranger = await openEvents(x402, id);
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(id);
  await x402.shop.deliver(id);
  const seen = await own.seen;
  const statuses = [...new Set(seen.map(({ status }) => status))];
  expect(statuses).toEqual(["PENDING_PAYMENT", "PAID", "PROVISIONING", "DELIVERED"]);
  expect(seen.at(-1)?.esim?.countries).toEqual(["JP", "KR"]);
  const shown = (await stranger.seen).at(-1);
  expect(shown).toMatchObject({ status: "DELIVERED" });
  expect(shown?.esim).toBeUndefined();
});

test("a stream that is resumed brings what came after, and nothing twice", async () => {
  const x402 = await openX402Shop();
  const asked = await x402.challenge();
  const id = asked.body.order_id;
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(id);
  await x402.shop.deliver(id);
  const answer = await x402.shop.ask(`${ORDER_URL}/${id}/events`, {
    headers: { "x-api-key": null, "last-event-id": "2" },
  });
  const ids = [...(await answer.text()).matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq));
  expect(ids[0]).toBe(3);
  expect(new Set(ids).size).toBe(ids.length);
});

test("one address holds so many streams and no more", async () => {
  const settings = { streams: { perKey: 1, perServer: 9, heartbeatMs: 15_000 } };
  const x402 = await openX402Shop({ settings });
  const { body } = await x402.challenge();
  const open = await x402.shop.ask(`${ORDER_URL}/${body.order_id}/events`, {
    headers: { "x-api-key": null },
  });
  const over = await x402.shop.ask(`${ORDER_URL}/${body.order_id}/events`, {
    headers: { "x-api-key": null },
  });
  expect(over.status).toBe(429);
  expect((await refusal(over)).code).toBe("too_many_streams");
  await open.body?.cancel();
});
