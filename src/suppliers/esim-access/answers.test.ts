import { expect, test } from "vitest";
import { JAPAN_WEEK } from "../../../tests/fixtures/plan.ts";
import { serveHttp } from "../../../tests/fixtures/http-server.ts";
import { systemClock } from "../../clock.ts";
import type { JsonObject } from "../../json.ts";
import { planIdOf, storePlanRequest } from "../../products/plan.ts";
import type { StageInput, Supplier } from "../supplier.ts";
import { openEsimAccess } from "./index.ts";

const INPUT: StageInput = {
  attemptId: "att_1",
  product: "travel-esim",
  request: storePlanRequest(planIdOf(JAPAN_WEEK), JAPAN_WEEK),
  previous: { orderNo: "B1", costUsdMicro: "1100000" },
  maxCostUsdMicro: 1_100_000n,
  startedAtMs: Date.parse("2026-11-20T12:00:00Z"),
  signal: new AbortController().signal,
};

const PACKAGE = {
  packageCode: "P1",
  price: 11_000,
  currencyCode: "USD",
  volume: 1_073_741_824,
  duration: 7,
  durationUnit: "DAY",
  location: "JP",
  activeType: 1,
  dataType: 1,
};

const PROFILE = {
  esimTranNo: "T1",
  orderNo: "B1",
  transactionId: "att_1",
  esimStatus: "GOT_RESOURCE",
  smdpStatus: "RELEASED",
  iccid: "89999000000000000016",
  ac: "LPA:1$rsp.sim.example$0123456789ABCDEF0123456789ABCDEF",
  apn: "",
  expiredTime: "2027-05-20T12:00:00+0000",
  totalVolume: 1_073_741_824,
  totalDuration: 7,
};

const ok = (obj: unknown) => ({ success: true, errorCode: "0", obj });
const refused = (errorCode: string | null) => ({ success: false, errorCode, obj: null });

interface Call {
  readonly path: string;
  readonly body: unknown;
}

/** A supplier that gives each path its answer, or what `packages` alone tells. */
async function answering(
  answers: Readonly<Record<string, unknown>>,
): Promise<{ readonly supplier: Supplier; readonly calls: readonly Call[] }> {
  const calls: Call[] = [];
  const all: Readonly<Record<string, unknown>> = {
    "package/list": ok({ packageList: [PACKAGE] }),
    ...answers,
  };
  const url = await serveHttp((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
    });
    request.on("end", () => {
      const path = request.url?.replace("/api/v1/open/", "") ?? "";
      calls.push({ path, body: JSON.parse(text) as unknown });
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(all[path]));
    });
  });
  const supplier = openEsimAccess({
    url,
    accessCode: "the-access-code",
    secret: "the-secret",
    callTimeoutMs: 10_000,
    callsPerSecond: 1_000,
    pollMs: 5,
    catalogueMaxAgeMs: 60_000,
    allocateTimeoutMs: 20,
    clock: systemClock,
  });
  return { supplier, calls };
}

async function ordering(answer: unknown) {
  const { supplier } = await answering({ "esim/order": answer });
  return supplier.stages[0].run(INPUT);
}

async function allocating(...profiles: readonly JsonObject[]) {
  const list = ok({ esimList: profiles, pager: { total: profiles.length } });
  const { supplier } = await answering({ "esim/query": list });
  return supplier.stages[1]?.run(INPUT);
}

test("the order carries our reference and guards its price twice", async () => {
  const { supplier, calls } = await answering({
    "esim/order": ok({ orderNo: "B1", transactionId: "att_1" }),
  });
  expect((await supplier.stages[0].run(INPUT)).kind).toBe("done");
  expect(calls.at(-1)).toEqual({
    path: "esim/order",
    body: {
      transactionId: "att_1",
      amount: 11_000,
      packageInfoList: [{ packageCode: "P1", count: 1, price: 11_000 }],
    },
  });
});

test.each([
  ["a boolean", true],
  ["a text", "true"],
])("success as %s is success", async (_, success) => {
  const obj = { orderNo: "B1", transactionId: "att_1" };
  expect((await ordering({ success, errorCode: null, obj })).kind).toBe("done");
});

test.each([
  "000101",
  "000105",
  "101001",
  "101002",
  "101003",
  "200005",
  "200006",
  "200007",
  "200008",
  "200011",
  "310201",
  "310251",
])("%s promises that nothing was sold", async (code) => {
  expect(await ordering(refused(code))).toEqual({
    kind: "failed",
    retryable: false,
    reason: `refused with ${code}`,
  });
});

test.each(["000001", "900001", "200002", "200009", "200010", "123456"])(
  "%s says nothing about the purchase",
  async (code) => {
    expect(await ordering(refused(code))).toEqual({ kind: "unknown", reason: `answered ${code}` });
  },
);

test.each<[string, unknown]>([
  ["no code", refused(null)],
  ["a text in place of a code", { success: false, errorCode: "no balance, LPA:1$x$y" }],
  ["success as a number", { success: 1, obj: { orderNo: "B1", transactionId: "att_1" } }],
  ["no order number", ok({ transactionId: "att_1" })],
  ["another attempt's order", ok({ orderNo: "B1", transactionId: "att_2" })],
  ["nothing", null],
])(
  "an answer with %s leaves the purchase unknown, and nothing of it is told",
  async (_, answer) => {
    const outcome = await ordering(answer);
    expect(outcome.kind).toBe("unknown");
    expect(JSON.stringify(outcome)).not.toMatch(/LPA|att_2/);
  },
);

test.each<[string, JsonObject]>([
  ["is not allocated yet", { esimStatus: "GETTING_RESOURCE", iccid: null, ac: null }],
  ["has no activation code", { ac: "" }],
  ["asks for a confirmation code", { ac: `${PROFILE.ac}$$1` }],
  ["has an ICCID with letters", { iccid: "89999ABC" }],
  ["has no day to install it before", { expiredTime: "soon" }],
  ["is another attempt's", { transactionId: "att_2" }],
  ["is another order's", { orderNo: "B2" }],
])("a profile that %s is not handed over, and not given up", async (_, changes) => {
  expect((await allocating({ ...PROFILE, ...changes }))?.kind).toBe("unknown");
});

test.each<[string, JsonObject]>([
  ["was cancelled", { esimStatus: "CANCEL" }],
  ["was revoked", { esimStatus: "REVOKED" }],
  ["has less data than was sold", { totalVolume: 1_073_741_823 }],
  ["is valid for fewer days than were sold", { totalDuration: 6 }],
])("a profile that %s is a failure for good", async (_, changes) => {
  expect(await allocating({ ...PROFILE, ...changes })).toMatchObject({
    kind: "failed",
    retryable: false,
  });
});

test("two profiles where one was ordered are not ours to choose from", async () => {
  expect((await allocating(PROFILE, PROFILE))?.kind).toBe("unknown");
});

test("without an access point the goods say that devices find it", async () => {
  expect(await allocating(PROFILE)).toMatchObject({
    value: { goods: { apn: "automatic", install_before: "2027-05-20T12:00:00.000Z" } },
  });
});

test("one strange package does not hide the others", async () => {
  const packageList = [{ ...PACKAGE, price: "11000" }, { ...PACKAGE, location: "!RG" }, PACKAGE];
  const { supplier } = await answering({
    "package/list": ok({ packageList }),
    "balance/query": ok({ balance: 0 }),
  });
  const offers = await supplier.offers(AbortSignal.timeout(10_000));
  expect(offers.kind === "done" && offers.value.length).toBe(1);
});

test("a look-up reads page after page, from before the attempt began", async () => {
  const list = ok({ esimList: [PROFILE], pager: { total: 1_001 } });
  const { supplier, calls } = await answering({ "esim/query": list });
  expect(await supplier.find(INPUT)).toMatchObject({ value: { state: { orderNo: "B1" } } });
  const queries = calls.filter(({ path }) => path === "esim/query").map(({ body }) => body);
  expect(queries).toMatchObject([
    { startTime: "2026-11-20T11:50:00Z", pager: { pageNum: 1, pageSize: 500 } },
    { pager: { pageNum: 2 } },
    { pager: { pageNum: 3 } },
  ]);
});
