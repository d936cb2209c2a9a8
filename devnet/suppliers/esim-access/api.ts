import type { Answer } from "../answer.ts";
import { carryOut, type Effect } from "../call.ts";
import { parseBody, type HttpRequest } from "../server.ts";
import {
  findPackage,
  packageJson,
  packageNamed,
  packages,
  UNUSED_VALID_DAYS,
} from "./catalogue.ts";
import { httpError, refusal, success } from "./envelope.ts";
import { announceOrder, checkHook, type HookParts } from "./hooks.ts";
import type { EsimOrder, Profile } from "./ledger.ts";
import type { EsimSeller, OrderRequest } from "./seller.ts";
import { checkCredentials, type EsimCredentials } from "./signature.ts";
import type { EsimCall } from "./words.ts";

export interface EsimApiParts extends HookParts {
  readonly credentials: EsimCredentials;
  readonly bucket: { take(): boolean };
  readonly seller: EsimSeller;
  /** Milliseconds until the profiles of this transactionId are allocated. */
  readonly allocationMs: (transactionId: string) => number;
}

type Body = Readonly<Record<string, unknown>>;
type Route = (parts: EsimApiParts, body: Body) => Effect<EsimCall> | Answer;

const PREFIX = "/api/v1/open/";

const routes: ReadonlyMap<string, Route> = new Map([
  ["package/list", listPackages],
  ["balance/query", queryBalance],
  ["esim/order", orderEsims],
  ["esim/query", queryEsims],
  ["esim/cancel", cancelEsim],
  ["webhook/save", saveHook],
]);

/** Answers one request to the API. */
export async function answerEsimHttp(parts: EsimApiParts, request: HttpRequest): Promise<Answer> {
  const route = request.path.startsWith(PREFIX)
    ? routes.get(request.path.slice(PREFIX.length))
    : undefined;
  if (route === undefined) return httpError(404);
  if (!parts.bucket.take()) return httpError(429);
  if (request.method !== "POST") return refusal("000103");
  const wrong = checkCredentials(parts.credentials, request, parts.clock);
  if (wrong !== null) return refusal(wrong);
  const body = parseBody(request.text);
  if (body === null) return refusal("000104");
  const effect = route(parts, Object.fromEntries(Object.entries(body.json ?? {})));
  return "kind" in effect ? effect : carryOut(parts, effect);
}

const about = (call: EsimCall) => ({ call, reference: null, item: null });

function listPackages(_: EsimApiParts, body: Body): Effect<EsimCall> {
  const { locationCode = "", packageCode = "", slug = "", dataType = "" } = body;
  const listed = packages.filter(
    (one) =>
      (locationCode === "" || one.countries.join(",") === locationCode) &&
      (packageCode === "" || one.packageCode === packageCode) &&
      (slug === "" || one.slug === slug) &&
      (dataType === "" || String(one.dataType) === dataType),
  );
  return {
    subject: about("packages"),
    run: () => success({ packageList: listed.map(packageJson) }),
  };
}

function queryBalance({ seller }: EsimApiParts): Effect<EsimCall> {
  return { subject: about("balance"), run: () => success({ balance: seller.balance() }) };
}

function orderEsims(parts: EsimApiParts, body: Body): Effect<EsimCall> | Answer {
  const request = readOrder(body);
  if (request === null) return refusal("200008");
  const { transactionId, packageName } = request;
  const item = findPackage(packageName)?.packageCode ?? packageName;
  return {
    subject: { call: "order", reference: transactionId, item },
    // The order stands from the moment it arrived, however long its answer takes.
    waits: "after",
    run: ({ ignoresReference }) => {
      const known = parts.ledger.orders().length;
      const allocationMs = parts.allocationMs(transactionId);
      const sold = parts.seller.order(request, { allocationMs, ignoresReference });
      if (typeof sold === "string") return refusal(sold);
      if (parts.ledger.orders().length > known) void announceOrder(parts, sold);
      return success({ orderNo: sold.orderNo, transactionId });
    },
  };
}

const MAX_COUNT = 30;
const MAX_TRANSACTION_ID = 50;

/** One kind of package per order is all that this simulator sells. */
function readOrder(body: Body): OrderRequest | null {
  const { transactionId, amount, packageInfoList } = body;
  if (typeof transactionId !== "string" || transactionId === "") return null;
  if (transactionId.length > MAX_TRANSACTION_ID || !isGuard(amount)) return null;
  if (!Array.isArray(packageInfoList) || packageInfoList.length !== 1) return null;
  const [info] = packageInfoList as readonly unknown[];
  const { packageCode, slug, count, price } = Object.fromEntries(
    Object.entries(info ?? {}),
  ) as Body;
  const packageName = packageCode ?? slug;
  if (typeof packageName !== "string" || !isWhole(count, 1, MAX_COUNT)) return null;
  return isGuard(price) ? { transactionId, amount, packageName, count, price } : null;
}

function isGuard(value: unknown): value is number | undefined {
  return value === undefined || isWhole(value, 1, Number.MAX_SAFE_INTEGER);
}

function isWhole(value: unknown, min: number, max: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

/** By order, by profile, or by a span of time; profiles appear once they are allocated. */
function queryEsims(parts: EsimApiParts, body: Body): Effect<EsimCall> | Answer {
  const pager = readPager(body["pager"]);
  const isMeant = readSelection(body);
  if (pager === null || isMeant === null) return refusal("000105");
  const { orderNo } = body;
  const matching = () =>
    parts.ledger
      .orders()
      .flatMap((order) => order.profiles.map((profile) => ({ order, profile })))
      .filter(({ order, profile }) => isMeant(order, profile));
  const [first] = matching();
  return {
    subject: {
      call: "query",
      reference: first?.order.transactionId ?? null,
      item: first?.order.packageCode ?? null,
    },
    run: () => {
      const found = matching();
      if (orderNo !== undefined && found.length === 0) return refusal("310272");
      const nowMs = parts.clock.now();
      const ready = found.filter(({ order }) => nowMs >= order.allocatedAtMs);
      if (ready.length === 0 && found.length > 0) return refusal("200010");
      const { pageNum, pageSize } = pager;
      const page = ready.slice((pageNum - 1) * pageSize, pageNum * pageSize);
      return success({
        esimList: page.map(({ order, profile }) => profileJson(order, profile)),
        pager: { pageSize, pageNum, total: ready.length },
      });
    },
  };
}

const MAX_PAGE_NUM = 10_000;
const MIN_PAGE_SIZE = 5;
const MAX_PAGE_SIZE = 500;

function readPager(pager: unknown): { readonly pageNum: number; readonly pageSize: number } | null {
  const { pageNum, pageSize } = Object.fromEntries(Object.entries(pager ?? {})) as Body;
  if (!isWhole(pageNum, 1, MAX_PAGE_NUM)) return null;
  return isWhole(pageSize, MIN_PAGE_SIZE, MAX_PAGE_SIZE) ? { pageNum, pageSize } : null;
}

/** What is asked for; null when that is nothing or unreadable. */
function readSelection(body: Body): ((order: EsimOrder, profile: Profile) => boolean) | null {
  const { orderNo, iccid, esimTranNo, startTime, endTime } = body;
  if (typeof orderNo === "string") return (order) => order.orderNo === orderNo;
  if (typeof esimTranNo === "string") return (_, profile) => profile.esimTranNo === esimTranNo;
  if (typeof iccid === "string") return (_, profile) => profile.iccid === iccid;
  if (typeof startTime !== "string" || typeof endTime !== "string") return null;
  const [fromMs, toMs] = [Date.parse(startTime), Date.parse(endTime)];
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) return null;
  return ({ orderedAtMs }) => fromMs <= orderedAtMs && orderedAtMs <= toMs;
}

const DAY_MS = 86_400_000;

function profileJson(order: EsimOrder, profile: Profile): unknown {
  const sold = packageNamed(order.packageCode);
  const expiresAtMs = order.orderedAtMs + UNUSED_VALID_DAYS * DAY_MS;
  const isDownloaded = profile.downloadedAtMs !== null;
  return {
    esimTranNo: profile.esimTranNo,
    orderNo: order.orderNo,
    transactionId: order.transactionId,
    imsi: profile.imsi,
    iccid: profile.iccid,
    msisdn: "",
    ac: profile.ac,
    qrCodeUrl: `https://p.sim.example/${profile.esimTranNo}.png`,
    shortUrl: `https://p.sim.example/${profile.esimTranNo}`,
    smdpStatus: isDownloaded ? "ENABLED" : "RELEASED",
    eid: isDownloaded ? "89049032000000000000000000000000" : "",
    activeType: sold.activeType,
    dataType: sold.dataType,
    activateTime: null,
    expiredTime: `${new Date(expiresAtMs).toISOString().slice(0, 19)}+0000`,
    totalVolume: sold.volume,
    totalDuration: sold.days,
    durationUnit: "DAY",
    orderUsage: 0,
    esimStatus: statusOf(profile),
    pin: "",
    puk: "",
    apn: "sim.example",
    packageList: [{ packageCode: order.packageCode, slug: sold.slug }],
  };
}

function statusOf(profile: Profile): string {
  if (profile.cancelledAtMs !== null) return "CANCEL";
  return profile.downloadedAtMs === null ? "GOT_RESOURCE" : "IN_USE";
}

function cancelEsim({ seller, ledger }: EsimApiParts, body: Body): Effect<EsimCall> | Answer {
  const { esimTranNo, iccid } = body;
  if (typeof esimTranNo !== "string" && typeof iccid !== "string") return refusal("000105");
  const isMeant = (profile: Profile): boolean =>
    typeof esimTranNo === "string" ? profile.esimTranNo === esimTranNo : profile.iccid === iccid;
  const order = ledger.orders().find(({ profiles }) => profiles.some(isMeant));
  return {
    subject: {
      call: "cancel",
      reference: order?.transactionId ?? null,
      item: order?.packageCode ?? null,
    },
    run: () => {
      const wrong = seller.cancel(isMeant);
      return wrong === null ? success({}) : refusal(wrong);
    },
  };
}

function saveHook(parts: EsimApiParts, body: Body): Effect<EsimCall> | Answer {
  const url = typeof body["webhook"] === "string" ? URL.parse(body["webhook"]) : null;
  if (url === null || !["http:", "https:"].includes(url.protocol)) return refusal("000105");
  return {
    subject: about("webhook"),
    run: async () => {
      if (!(await checkHook(parts, url.href))) return refusal("200008");
      parts.ledger.saveHook(url.href);
      return success({});
    },
  };
}
