import { randomUUID } from "node:crypto";
import type { Static, TSchema } from "typebox";
import { Compile } from "typebox/compile";
import type { Clock } from "../../clock.ts";
import type { JsonObject } from "../../json.ts";
import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { exchange, type Exchange } from "../exchange.ts";
import { signedHeaders, type Credentials } from "./sign.ts";
import { createTurns } from "./turns.ts";
import {
  BalanceSchema,
  EnvelopeSchema,
  NothingSchema,
  OrderedSchema,
  PackageListSchema,
  PackageSchema,
  ProfilesSchema,
  type Ordered,
  type Package,
  type Profiles,
} from "./wire.ts";

export interface EsimAccessSettings extends Credentials {
  /** "https://api.esimaccess.com", without a slash at the end. */
  readonly url: string;
  readonly callTimeoutMs: number;
  /** The account's limit is 8; what is above it is refused. */
  readonly callsPerSecond: number;
  /** Between two looks at an order whose profile is being allocated. */
  readonly pollMs: number;
  /** After this the catalogue is read again. */
  readonly catalogueMaxAgeMs: number;
  /** Until a profile that was ordered must be there. */
  readonly allocateTimeoutMs: number;
  readonly clock: Clock;
}

/** An outcome, or the code that the supplier answered in place of one. */
export type Reply<Value> = Outcome<Value> | { readonly kind: "coded"; readonly code: string };

export interface EsimPurchase {
  readonly transactionId: string;
  readonly packageCode: string;
  /** What one may cost; the order is refused when the price is another. */
  readonly price: number;
}

/** The supplier's API, one method per call. `failed` only when the supplier certainly did nothing. */
export interface EsimAccessClient {
  /** Packages that can be read; the others are left out. */
  packages(signal: AbortSignal): Promise<Reply<readonly Package[]>>;
  /** 10000 is 1.00 USD. */
  balance(signal: AbortSignal): Promise<Reply<{ readonly balance: number }>>;
  order(purchase: EsimPurchase, signal: AbortSignal): Promise<Reply<Ordered>>;
  /** The profiles that a selection names, a page of 500. */
  query(selection: JsonObject, pageNum: number, signal: AbortSignal): Promise<Reply<Profiles>>;
  cancel(esimTranNo: string, signal: AbortSignal): Promise<Reply<unknown>>;
}

export const PAGE_SIZE = 500;
/** A catalogue of several thousand packages with their networks is some megabytes; a page of profiles below one. */
const MAX_CATALOGUE_BYTES = 32 * 1024 * 1024;
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

const envelope = Compile(EnvelopeSchema);
const readablePackage = Compile(PackageSchema);

export function createEsimAccessClient(settings: EsimAccessSettings): EsimAccessClient {
  const { url, callTimeoutMs, clock } = settings;
  const myTurn = createTurns(settings.callsPerSecond, clock);

  /** One call of a kind: every one is a signed POST. */
  function call<Schema extends TSchema>(path: string, schema: Schema, maxAnswerBytes?: number) {
    const expected = Compile(schema);
    return async (request: JsonObject, signal: AbortSignal): Promise<Reply<Static<Schema>>> => {
      if (!(await myTurn(signal))) return failed("given up before it was sent", "retry");
      const body = JSON.stringify(request);
      const stamp = { requestId: randomUUID(), timestamp: clock.now().toString() };
      const answer = await exchange({
        method: "POST",
        url: `${url}/api/v1/open/${path}`,
        headers: signedHeaders(settings, stamp, body),
        body,
        timeoutMs: callTimeoutMs,
        signal,
        ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
      });
      const reply = open(answer);
      if (reply.kind !== "done") return reply;
      const { value } = reply;
      return expected.Check(value) ? done(value) : unknown("answered with an unreadable body");
    };
  }

  const list = call("package/list", PackageListSchema, MAX_CATALOGUE_BYTES);
  const balance = call("balance/query", BalanceSchema);
  const order = call("esim/order", OrderedSchema);
  const query = call("esim/query", ProfilesSchema, MAX_PAGE_BYTES);
  const cancel = call("esim/cancel", NothingSchema);
  return {
    packages: async (signal) => {
      const listed = await list({ locationCode: "", type: "BASE" }, signal);
      if (listed.kind !== "done") return listed;
      const readable: readonly Package[] = listed.value.packageList.filter((one) =>
        readablePackage.Check(one),
      );
      return done(readable);
    },
    balance: (signal) => balance({}, signal),
    order: ({ transactionId, packageCode, price }, signal) =>
      order(
        { transactionId, amount: price, packageInfoList: [{ packageCode, count: 1, price }] },
        signal,
      ),
    query: (selection, pageNum, signal) =>
      query({ ...selection, pager: { pageNum, pageSize: PAGE_SIZE } }, signal),
    cancel: (esimTranNo, signal) => cancel({ esimTranNo }, signal),
  };
}

/** What the envelope holds, unchecked. */
function open(answer: Exchange): Reply<unknown> {
  if (answer.kind === "unsent") return failed(answer.reason, "retry");
  if (answer.kind === "lost") return unknown(answer.reason);
  const { status, json } = answer;
  // Above the limit a call is turned away before it is looked at.
  if (status === 429) return failed("rate limited", "retry");
  if (status !== 200) return unknown(`answered ${status}`);
  if (!envelope.Check(json)) return unknown("answered with an unreadable body");
  const { success, errorCode, obj } = json;
  if (success === true || success === "true") return done(obj);
  return { kind: "coded", code: errorCode ?? "" };
}

/** Codes that promise that nothing was sold: headers and parameters, price, amount, balance, stock. */
const REFUSAL = /^(?:0001\d\d|1010\d\d|20000[5678]|200011|3102\d\d)$/;

/** A code as what it says about a purchase; every other one says nothing. */
export function settle<Value>(reply: Reply<Value>): Outcome<Value> {
  if (reply.kind !== "coded") return reply;
  const { code } = reply;
  return REFUSAL.test(code) ? failed(`refused with ${code}`, "final") : unknown(`answered ${code}`);
}

/** The profile is not there yet: ask again. */
export const STILL_ALLOCATING = "200010";
/** The price or the sum is not the current one; nothing was sold. */
export const PRICE_CHANGED: readonly string[] = ["200005", "200006"];
/** Not while the profile is what it is: it was downloaded, or is cancelled already. */
export const NOT_IN_THIS_STATUS = "200002";
