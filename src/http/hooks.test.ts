import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { refusal } from "./test-answers.ts";
import { openX402Shop, paymentV2, type X402Shop } from "./test-x402.ts";

const SECRET = "a secret that a facilitator shares with the shop";
const HOOK = "/api/v1/hooks/facilitator";

function signed(body: string, atMs: number, secret = SECRET): Readonly<Record<string, string>> {
  const signature = createHmac("sha256", secret).update(`${atMs}.${body}`).digest("hex");
  return {
    "x-facilitator-timestamp": String(atMs),
    "x-facilitator-signature": `sha256=${signature}`,
  };
}

const open = () => openX402Shop({ wrap: (deps) => ({ ...deps, facilitatorSecret: SECRET }) });

/** An order whose settlement waits for an hour. */
async function waiting(x402: X402Shop): Promise<string> {
  x402.chain.sendsAtOnce = false;
  const asked = await x402.challenge();
  await x402.order(undefined, paymentV2(asked));
  await postpone(x402, "settle");
  return asked.body.order_id;
}

async function postpone({ shop }: X402Shop, kind: "fulfil" | "settle"): Promise<void> {
  const nowMs = Date.now();
  const turn = { kinds: [kind], limit: 9, leaseMs: 60_000, nowMs };
  const jobs = await shop.store.transact("turnJobs", { ended: [], ...turn });
  expect(jobs.length).toBeGreaterThan(0);
  const end = { kind: "retry", runAtMs: nowMs + 3_600_000, error: "not yet" } as const;
  const ended = jobs.map((job) => ({ job, end }));
  await shop.store.transact("turnJobs", { ...turn, ended, limit: 0 });
}

async function isDue({ shop }: X402Shop, kind: "fulfil" | "settle"): Promise<boolean> {
  const atMs = await shop.store.read.jobs.nextRunAtMs([kind]);
  return atMs !== null && atMs <= Date.now();
}

test("a facilitator's signed word makes the settlement be looked at now, and proves nothing", async () => {
  const x402 = await open();
  const order_id = await waiting(x402);
  expect(await isDue(x402, "settle")).toBe(false);
  const body = JSON.stringify({ order_id, event: "settled", transaction: "0xclaimed" });
  const answer = await x402.shop.ask(HOOK, { body, headers: signed(body, Date.now()) });
  expect(answer.status).toBe(200);
  expect(await isDue(x402, "settle")).toBe(true);
  expect((await x402.promises(order_id)).map(({ state, txId }) => [state, txId])).toEqual([
    ["settling", null],
  ]);
});

test("the same word twice, late, or after the watcher's is a no-op", async () => {
  const x402 = await open();
  const order_id = await waiting(x402);
  const body = JSON.stringify({ order_id });
  const headers = signed(body, Date.now());
  await x402.mine(order_id);
  const { read } = x402.shop.store;
  const before = await read.events.after(order_id, 0);
  for (let i = 0; i < 2; i++)
    expect((await x402.shop.ask(HOOK, { body, headers })).status).toBe(200);
  expect(await read.events.after(order_id, 0)).toEqual(before);
  expect((await read.orders.byId(order_id))?.state).toBe("paid");
  expect((await read.authorizations.ofOrder(order_id)).map(({ state }) => state)).toEqual([
    "settled",
  ]);
});

test.each<[string, (body: string) => Readonly<Record<string, string>>]>([
  ["without a signature", () => ({})],
  ["signed with another secret", (body) => signed(body, Date.now(), "another")],
  ["signed for another body", () => signed("{}", Date.now())],
  ["signed six minutes ago", (body) => signed(body, Date.now() - 360_000)],
  ["signed in six minutes", (body) => signed(body, Date.now() + 360_000)],
  [
    "with a timestamp that was changed",
    (body) => ({ ...signed(body, Date.now()), "x-facilitator-timestamp": String(Date.now() + 1) }),
  ],
  [
    "with a short signature",
    (body) => ({ ...signed(body, Date.now()), "x-facilitator-signature": "sha256=00" }),
  ],
])("a call %s is refused and hastens nothing", async (_, headersFor) => {
  const x402 = await open();
  const body = JSON.stringify({ order_id: await waiting(x402) });
  const answer = await x402.shop.ask(HOOK, { body, headers: headersFor(body) });
  expect(answer.status).toBe(401);
  expect((await refusal(answer)).code).toBe("invalid_signature");
  expect(await isDue(x402, "settle")).toBe(false);
});

test.each(["[]", "{", "{}", '{"order_id":7}'])("a signed %s names no order", async (body) => {
  const { shop } = await open();
  const answer = await shop.ask(HOOK, { body, headers: signed(body, Date.now()) });
  expect(answer.status).toBe(400);
});

test("a shop without a shared secret has no such address", async () => {
  const { shop } = await openX402Shop();
  expect((await shop.ask(HOOK, { body: {} })).status).toBe(404);
});

test("a supplier's hint makes its attempt be looked up now, whatever it says", async () => {
  const x402 = await openX402Shop({
    wrap: (deps) => ({
      ...deps,
      readSupplierHint: (id, body) =>
        id === "sim" ? { attemptId: (body as { attempt: string }).attempt } : null,
    }),
  });
  const asked = await x402.challenge();
  await x402.order(undefined, paymentV2(asked));
  await x402.mine(asked.body.order_id);
  const attempt = await x402.shop.startAttempt(asked.body.order_id);
  await postpone(x402, "fulfil");
  const hint = (id: string, named: string) =>
    x402.shop.ask(`/api/v1/hooks/suppliers/${id}`, {
      body: { attempt: named },
      headers: { "x-api-key": null },
    });
  for (const [id, named] of [
    ["other", attempt],
    ["sim", "att_unknown"],
  ] as const) {
    const answer = await hint(id, named);
    expect([answer.status, await answer.json()]).toEqual([200, { ok: true }]);
    expect(await isDue(x402, "fulfil")).toBe(false);
  }
  expect((await hint("sim", attempt)).status).toBe(200);
  expect(await isDue(x402, "fulfil")).toBe(true);
  expect((await x402.shop.store.read.orders.byId(asked.body.order_id))?.state).toBe("fulfilling");
});
