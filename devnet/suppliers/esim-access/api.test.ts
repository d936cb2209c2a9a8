import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { serveHttp } from "../../../tests/fixtures/http-server.ts";
import { checkDigit } from "../card-number.ts";
import { startEsimSupplier, type EsimSupplierOptions } from "./index.ts";
import { openEsimClient, startFastEsim } from "./test-client.ts";

async function start(options: Partial<EsimSupplierOptions> = {}) {
  const supplier = await startFastEsim(options);
  onTestFinished(() => supplier.close());
  return supplier;
}

/** Time that a test moves; a sleep ends at once. */
function handClock() {
  let nowMs = Date.now();
  return {
    now: () => nowMs,
    sleep: async () => undefined,
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}

const profilesOf = (obj: Record<string, unknown>) => obj["esimList"] as Record<string, string>[];

test("an eSIM is ordered, allocated, read and paid from the balance", async () => {
  const supplier = await start();
  const ordered = await supplier.client.order("order-1", { price: 11_000 });
  expect(ordered).toMatchObject({ success: true, errorCode: "0" });
  expect(ordered.obj).toEqual({
    orderNo: expect.stringMatching(/^B\d{14}$/) as string,
    transactionId: "order-1",
  });
  const { obj } = await supplier.client.query({ orderNo: ordered.obj["orderNo"] });
  expect(profilesOf(obj)).toMatchObject([
    { transactionId: "order-1", esimStatus: "GOT_RESOURCE", smdpStatus: "RELEASED", eid: "" },
  ]);
  expect((await supplier.client.call("balance/query")).obj).toEqual({ balance: 99_989_000 });
  expect(supplier.ledger()).toMatchObject([
    { transactionId: "order-1", packageCode: "P11JP", price: 11_000, status: "allocated" },
  ]);
  expect(JSON.stringify(supplier.ledger())).not.toContain("LPA:");
});

test("ICCIDs carry a valid check digit, codes a host that cannot exist, and no two are the same", async () => {
  const { client } = await start();
  const { obj } = await client.order("order-1", { count: 30 });
  const profiles = profilesOf((await client.query({ orderNo: obj["orderNo"] })).obj);
  for (const { iccid = "", ac } of profiles) {
    expect(iccid).toMatch(/^89999\d{15}$/);
    expect(iccid.at(-1)).toBe(String(checkDigit(iccid.slice(0, -1))));
    expect(ac).toMatch(/^LPA:1\$rsp\.sim\.example\$[0-9A-F]{32}$/);
  }
  expect(new Set(profiles.map(({ iccid, ac }) => `${iccid} ${ac}`)).size).toBe(30);
});

test("the same transactionId is the same order, whatever its body, even at once", async () => {
  const supplier = await start();
  const replies = await Promise.all([
    supplier.client.order("order-1"),
    supplier.client.order("order-1"),
    supplier.client.order("order-1", { price: 1 }),
  ]);
  expect(new Set(replies.map(({ obj }) => obj["orderNo"])).size).toBe(1);
  expect(supplier.ledger()).toHaveLength(1);
});

test.each([
  ["another price", { price: 10_999 }, {}, "200005"],
  ["another amount", {}, { amount: 10_999 }, "200006"],
  ["31 profiles", { count: 31 }, {}, "200008"],
  ["no profile", { count: 0 }, {}, "200008"],
  ["an unknown package", { packageCode: "NOPE" }, {}, "310241"],
  ["a long transactionId", {}, { transactionId: "x".repeat(51) }, "200008"],
  ["no transactionId", {}, { transactionId: "" }, "200008"],
])("an order with %s sells nothing", async (_, info, body, errorCode) => {
  const supplier = await start();
  const reply = await supplier.client.call("esim/order", {
    transactionId: "order-1",
    packageInfoList: [{ packageCode: "P11JP", count: 1, ...info }],
    ...body,
  });
  expect(reply).toMatchObject({ status: 200, success: false, errorCode });
  expect(supplier.ledger()).toEqual([]);
});

test("what the balance or the stock does not cover is not sold", async () => {
  const poor = await start({ balance: "1.09" });
  expect((await poor.client.order("order-1")).errorCode).toBe("200007");
  const empty = await start({ stock: 1 });
  expect((await empty.client.order("order-1", { count: 2 })).errorCode).toBe("200011");
  expect((await empty.client.order("order-1")).success).toBe(true);
});

test("until it is allocated every query of an order answers 200010", async () => {
  const clock = handClock();
  const supplier = await start({ clock, allocationMs: 30_000 });
  const { client } = supplier;
  const { obj } = await client.order("order-1");
  const span = {
    startTime: new Date(clock.now() - 60_000).toISOString(),
    endTime: new Date(clock.now() + 60_000).toISOString(),
  };
  expect((await client.query({ orderNo: obj["orderNo"] })).errorCode).toBe("200010");
  expect((await client.query(span)).errorCode).toBe("200010");
  expect(supplier.ledger()).toMatchObject([{ status: "allocating" }]);
  clock.pass(30_000);
  expect((await client.query({ orderNo: obj["orderNo"] })).success).toBe(true);
  expect(profilesOf((await client.query(span)).obj)).toHaveLength(1);
});

test("a query finds by order, profile, ICCID and time, page by page", async () => {
  const { client } = await start();
  const { obj } = await client.order("order-1", { count: 7 });
  const [first] = profilesOf((await client.query({ orderNo: obj["orderNo"] })).obj);
  for (const selection of [{ iccid: first?.["iccid"] }, { esimTranNo: first?.["esimTranNo"] }]) {
    expect(profilesOf((await client.query(selection)).obj)).toEqual([first]);
  }
  const span = { startTime: "2000-01-01T00:00:00Z", endTime: "2100-01-01T00:00:00Z" };
  const second = await client.query({ ...span, pager: { pageNum: 2, pageSize: 5 } });
  expect(second.obj["pager"]).toEqual({ pageNum: 2, pageSize: 5, total: 7 });
  expect(profilesOf(second.obj)).toHaveLength(2);
  const before = { startTime: "2000-01-01T00:00:00Z", endTime: "2000-01-02T00:00:00Z" };
  expect(profilesOf((await client.query(before)).obj)).toEqual([]);
});

test.each([
  [{ orderNo: "B1" }, "310272"],
  [{}, "000105"],
  [{ startTime: "then", endTime: "now" }, "000105"],
  [{ orderNo: "B1", pager: { pageNum: 0, pageSize: 50 } }, "000105"],
  [{ orderNo: "B1", pager: { pageNum: 1, pageSize: 501 } }, "000105"],
])("the query %j is refused with %s", async (selection, errorCode) => {
  const { client } = await start();
  expect((await client.query(selection)).errorCode).toBe(errorCode);
});

test("a profile is paid back until a device has it, and once", async () => {
  const supplier = await start();
  await supplier.client.order("order-1", { count: 2 });
  const [kept, other] = supplier.ledger();
  supplier.download(kept?.esimTranNo ?? "");
  const cancel = (esimTranNo: string | undefined) =>
    supplier.client.call("esim/cancel", { esimTranNo });
  expect((await cancel(kept?.esimTranNo)).errorCode).toBe("200002");
  expect((await cancel(other?.esimTranNo)).success).toBe(true);
  expect((await cancel(other?.esimTranNo)).errorCode).toBe("200002");
  expect(supplier.balance()).toBe("9998.90");
  expect(supplier.ledger().map(({ status }) => status)).toEqual(["downloaded", "cancelled"]);
});

test("a profile that is being allocated cannot be cancelled", async () => {
  const supplier = await start({ allocationMs: 60_000 });
  await supplier.client.order("order-1");
  const { esimTranNo } = supplier.ledger()[0] ?? {};
  expect((await supplier.client.call("esim/cancel", { esimTranNo })).errorCode).toBe("200002");
});

test.each([
  ["a wrong signature", { "RT-Signature": "0".repeat(64) }, "101003"],
  ["a timestamp of another time", { "RT-Timestamp": "1628670421000" }, "101001"],
  ["a timestamp in seconds", { "RT-Timestamp": "1628670421" }, "000102"],
  ["another access code", { "RT-AccessCode": "other" }, "101003"],
  ["half a signature", { "RT-RequestID": "" }, "000101"],
])("%s is refused with %s", async (_, headers, errorCode) => {
  const { client } = await start();
  expect(await client.call("balance/query", {}, headers)).toMatchObject({
    success: false,
    errorCode,
  });
});

test("the access code alone suffices", async () => {
  const { client } = await start();
  const unsigned = { "RT-RequestID": "", "RT-Timestamp": "", "RT-Signature": "" };
  expect((await client.call("balance/query", {}, unsigned)).success).toBe(true);
});

test("eight calls at once are let through, the ninth a moment later", async () => {
  const clock = handClock();
  const { client } = await start({ clock, requestsPerSecond: 8 });
  const ask = async () => (await client.call("balance/query")).status;
  const burst = await Promise.all(Array.from({ length: 9 }, ask));
  expect(burst.toSorted((a, b) => a - b)).toEqual([...Array.from({ length: 8 }, () => 200), 429]);
  clock.pass(125);
  expect([await ask(), await ask()]).toEqual([200, 429]);
});

test("packages are listed, and by place, code or kind of volume", async () => {
  const { client } = await start();
  const list = async (filter: Record<string, string>) => {
    const { obj } = await client.call("package/list", filter);
    return obj["packageList"] as Record<string, unknown>[];
  };
  expect((await list({})).length).toBeGreaterThan(30);
  expect(await list({ packageCode: "P11JP" })).toMatchObject([
    { slug: "JP_1_7", price: 11_000, currencyCode: "USD", durationUnit: "DAY", location: "JP" },
  ]);
  expect((await list({ locationCode: "JP", dataType: "2" })).map((one) => one["slug"])).toEqual([
    "JP_1_Daily",
  ]);
});

test("what was sold, cancelled and downloaded is known after a restart, and a reset forgets it", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "esim-supplier-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const before = await startFastEsim({ dataDir });
  await before.client.order("order-1", { count: 3 });
  const [first, second] = before.ledger();
  before.download(first?.esimTranNo ?? "");
  await before.client.call("esim/cancel", { esimTranNo: second?.esimTranNo });
  const ledger = before.ledger();
  await before.close();

  const after = await start({ dataDir });
  expect(after.ledger()).toEqual(ledger);
  expect(after.balance()).toBe("9997.80");
  after.reset();
  expect(after.ledger()).toEqual([]);
  expect((await start({ dataDir })).balance()).toBe("10000.00");
});

/** Where hooks arrive. */
async function startReceiver(status = 200) {
  const hooks: Record<string, unknown>[] = [];
  const url = await serveHttp((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      hooks.push(JSON.parse(text) as Record<string, unknown>);
      response.writeHead(status).end();
    });
  });
  return { hooks, webhook: `${url}/hook` };
}

test("an address is saved only when it answers the health check", async () => {
  const { client } = await start();
  const deaf = await startReceiver(500);
  expect((await client.call("webhook/save", { webhook: deaf.webhook })).success).toBe(false);
  expect(deaf.hooks).toMatchObject([{ notifyType: "CHECK_HEALTH" }]);
  await client.order("order-1");
  const { hooks, webhook } = await startReceiver();
  expect((await client.call("webhook/save", { webhook })).success).toBe(true);
  expect(hooks).toHaveLength(1);
});

test("an order is told of once, with its number and without its ICCID", async () => {
  const { client } = await start();
  const { hooks, webhook } = await startReceiver();
  await client.call("webhook/save", { webhook });
  const { obj } = await client.order("order-1");
  await client.order("order-1");
  await expect.poll(() => hooks.length, { timeout: 5_000 }).toBe(2);
  expect(hooks[1]).toMatchObject({
    notifyType: "ORDER_STATUS",
    notifyId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    content: { orderNo: obj["orderNo"], orderStatus: "GOT_RESOURCE", transactionId: "order-1" },
  });
  expect(JSON.stringify(hooks)).not.toMatch(/iccid|LPA/i);
});

test("hooks are doubled and kept back as the script says", async () => {
  const supplier = await start({
    faults: [
      { call: "hook", fault: "reset", reference: "order-1" },
      { call: "hook", fault: "duplicate", reference: "order-2" },
    ],
  });
  const { hooks, webhook } = await startReceiver();
  await supplier.client.call("webhook/save", { webhook });
  await supplier.client.order("order-1");
  await expect.poll(() => supplier.calls().hook, { timeout: 5_000 }).toBe(1);
  await supplier.client.order("order-2");
  await expect.poll(() => hooks.length, { timeout: 5_000 }).toBe(3);
  const [, first, second] = hooks;
  expect(first).toMatchObject({ content: { transactionId: "order-2" } });
  expect(second?.["notifyId"]).toBe(first?.["notifyId"]);
});

test("the script is steered over HTTP, with the words of this supplier", async () => {
  const supplier = await start();
  const add = (rule: unknown) =>
    fetch(`${supplier.url}/__sim/faults`, { method: "POST", body: JSON.stringify(rule) });
  expect((await add({ call: "order", fault: "busy", packageCode: "P11JP" })).status).toBe(201);
  expect((await add({ call: "issue", fault: "busy" })).status).toBe(400);
  expect((await add({ call: "order", fault: "busy", faceValue: "25.00" })).status).toBe(400);
  expect((await supplier.client.order("order-1", { packageCode: "P12JP" })).success).toBe(true);
  expect((await supplier.client.order("order-2")).errorCode).toBe("900001");
  expect(supplier.ledger()).toHaveLength(1);
});

test("an order that was taken before its answer was spoilt is in the ledger", async () => {
  const supplier = await start({ faults: [{ call: "order", fault: "reset", when: "after" }] });
  await expect(supplier.client.order("order-1")).rejects.toThrow("fetch failed");
  expect(supplier.ledger()).toHaveLength(1);
});

test.each([
  [{ speed: 0 }, "speed: 0 is not a number above 0"],
  [{ stock: -1 }, "stock: -1 is not a whole number from 0"],
  [{ balance: "lots" }, "balance: lots is not a decimal text"],
])("the options %j are refused with their reason", async (options, reason) => {
  await expect(startFastEsim(options)).rejects.toThrow(reason);
});

/** Milliseconds until each of some orders is allocated, to a tenth of a second. */
async function allocations(seed: string, speed: number): Promise<readonly number[]> {
  const clock = handClock();
  const supplier = await startEsimSupplier({
    seed,
    speed,
    clock,
    callLatencyMs: 0,
    requestsPerSecond: 10_000,
  });
  onTestFinished(() => supplier.close());
  const client = openEsimClient({ url: supplier.url, ...supplier.credentials });
  for (let index = 0; index < 20; index += 1) await client.order(`order-${index}`);
  const readyMs = Array.from({ length: 20 }, () => 0);
  for (let ms = 0; ms <= 31_000; ms += 100) {
    for (const [index, { status }] of supplier.ledger().entries())
      if (status === "allocating") readyMs[index] = ms;
    clock.pass(100);
  }
  return readyMs;
}

test("allocation takes 1 to 30 seconds, drawn from the seed, and the speed divides it", async () => {
  const real = await allocations("a", 1);
  expect(Math.min(...real)).toBeGreaterThanOrEqual(900);
  expect(Math.max(...real)).toBeLessThanOrEqual(30_000);
  expect(new Set(real).size).toBeGreaterThan(10);
  expect(await allocations("a", 1)).toEqual(real);
  expect(await allocations("b", 1)).not.toEqual(real);
  expect(Math.max(...(await allocations("a", 10)))).toBeLessThanOrEqual(Math.max(...real) / 10);
});
