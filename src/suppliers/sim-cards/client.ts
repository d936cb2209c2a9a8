import { Compile, type Validator } from "typebox/compile";
import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { exchange, type Exchange, type HttpCall } from "../exchange.ts";
import {
  BalanceSchema,
  CardSchema,
  FoundSchema,
  HealthSchema,
  OffersSchema,
  ProblemSchema,
  type Balance,
  type Card,
  type Found,
  type Offers,
} from "./wire.ts";

export interface SimCardsSettings {
  /** "http://127.0.0.1:4010", without a slash at the end. */
  readonly url: string;
  readonly apiKey: string;
  readonly issueTimeoutMs: number;
  readonly activateTimeoutMs: number;
  readonly readTimeoutMs: number;
}

export interface Purchase {
  readonly reference: string;
  /** Decimal text in USD: "25.00". */
  readonly faceValue: string;
}

/**
 * The supplier's API, one method per call. `failed` only when the supplier certainly did nothing; everything
 * else that is not a readable answer is `unknown`.
 */
export interface SimCardsClient {
  health(signal: AbortSignal): Promise<Outcome<unknown>>;
  balance(signal: AbortSignal): Promise<Outcome<Balance>>;
  offers(signal: AbortSignal): Promise<Outcome<Offers>>;
  issue(purchase: Purchase, signal: AbortSignal): Promise<Outcome<Card>>;
  find(reference: string, signal: AbortSignal): Promise<Outcome<Found>>;
  card(cardId: string, signal: AbortSignal): Promise<Outcome<Card>>;
  activate(cardId: string, signal: AbortSignal): Promise<Outcome<Card>>;
}

const health = Compile(HealthSchema);
const balance = Compile(BalanceSchema);
const offers = Compile(OffersSchema);
const card = Compile(CardSchema);
const found = Compile(FoundSchema);
const problem = Compile(ProblemSchema);

export function createSimCardsClient(settings: SimCardsSettings): SimCardsClient {
  const { url, issueTimeoutMs, activateTimeoutMs, readTimeoutMs } = settings;
  const authorization = `Bearer ${settings.apiKey}`;
  const get = (path: string, signal: AbortSignal): Promise<Exchange> =>
    exchange({
      method: "GET",
      url: url + path,
      headers: { authorization },
      timeoutMs: readTimeoutMs,
      signal,
    });
  const post = (path: string, call: Pick<HttpCall, "headers" | "body" | "timeoutMs" | "signal">) =>
    exchange({
      ...call,
      method: "POST",
      url: url + path,
      headers: { authorization, ...call.headers },
    });

  return {
    health: async (signal) => judge(await get("/v1/health", signal), health),
    balance: async (signal) => judge(await get("/v1/balance", signal), balance),
    offers: async (signal) => judge(await get("/v1/offers", signal), offers),
    issue: async ({ reference, faceValue }, signal) => {
      const headers = { "idempotency-key": reference };
      const body = JSON.stringify({ reference, face_value: faceValue, currency: "USD" });
      const answer = await post("/v1/cards", { headers, body, timeoutMs: issueTimeoutMs, signal });
      return judge(answer, card);
    },
    find: async (reference, signal) =>
      judge(await get(`/v1/cards?reference=${encodeURIComponent(reference)}`, signal), found),
    card: async (cardId, signal) =>
      judge(await get(`/v1/cards/${encodeURIComponent(cardId)}`, signal), card),
    activate: async (cardId, signal) => {
      const path = `/v1/cards/${encodeURIComponent(cardId)}/activate`;
      return judge(await post(path, { headers: {}, timeoutMs: activateTimeoutMs, signal }), card);
    },
  };
}

/**
 * Problem codes that promise that nothing was done. `reference_reused` is not among them: it says that an
 * earlier request with our reference was taken.
 */
const REFUSALS = new Set([
  "invalid_request",
  "unauthorized",
  "insufficient_balance",
  "not_found",
  "method_not_allowed",
  "body_too_large",
  "invalid_face_value",
  "out_of_stock",
]);

function judge<Answer>(
  answer: Exchange,
  expected: Pick<Validator, "Errors"> & { Check(value: unknown): value is Answer },
): Outcome<Answer> {
  if (answer.kind === "unsent") return failed(answer.reason, "retry");
  if (answer.kind === "lost") return unknown(answer.reason);
  const { status, json } = answer;
  if (status >= 200 && status < 300) {
    return expected.Check(json)
      ? done(json)
      : unknown(`answered ${status} with an unreadable body`);
  }
  if (status === 429) return failed(rateLimited(answer.retryAfterS), "retry");
  const code = problem.Check(json) ? json.code : "";
  if (status >= 400 && status < 500 && REFUSALS.has(code)) {
    return failed(`refused with ${status} ${code}`, "final");
  }
  return unknown(`answered ${status}`);
}

function rateLimited(retryAfterS: number | null): string {
  return retryAfterS === null ? "rate limited" : `rate limited for ${retryAfterS} s`;
}
