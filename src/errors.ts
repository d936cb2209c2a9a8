import type { ErrorCode } from "#wire";

/** How one refusal looks on the wire. `retryable`: the same request may succeed later, unchanged. */
interface RefusalRow {
  readonly status: number;
  readonly retryable: boolean;
  readonly title: string;
}

/** Every refusal there is. The compiler demands a row for each code; docs/errors.md is generated from it. */
// oxfmt-ignore
export const REFUSALS: Readonly<Record<ErrorCode, RefusalRow>> = {
  invalid_request:                 { status: 400, retryable: false, title: "The request is malformed" },
  invalid_amount:                  { status: 400, retryable: false, title: "The amount is not a plain decimal string" },
  amount_out_of_range:             { status: 400, retryable: false, title: "The amount is outside what can be sold now" },
  invalid_idempotency_key:         { status: 400, retryable: false, title: "The Idempotency-Key header is unusable" },
  invalid_webhook_url:             { status: 400, retryable: false, title: "The webhook URL is unusable" },
  invalid_metadata:                { status: 400, retryable: false, title: "The metadata is unusable" },
  missing_api_key:                 { status: 401, retryable: false, title: "The X-Api-Key header is missing" },
  invalid_api_key:                 { status: 401, retryable: false, title: "The API key is not valid" },
  api_key_expired:                 { status: 401, retryable: false, title: "The API key has expired" },
  api_key_suspended:               { status: 401, retryable: false, title: "The API key is suspended" },
  invalid_signature:               { status: 401, retryable: false, title: "The webhook's signature is not valid" },
  forbidden:                       { status: 403, retryable: false, title: "This origin may not call the API" },
  spend_limit_exceeded:            { status: 403, retryable: false, title: "The key's spend limit does not allow this order" },
  not_found:                       { status: 404, retryable: false, title: "There is nothing at this path" },
  order_not_found:                 { status: 404, retryable: false, title: "This key has no such order" },
  plan_unknown:                    { status: 404, retryable: false, title: "No such plan is on sale" },
  method_not_allowed:              { status: 405, retryable: false, title: "This path does not take this method" },
  idempotency_conflict:            { status: 409, retryable: false, title: "The Idempotency-Key was used with another body" },
  order_closed:                    { status: 409, retryable: false, title: "The order takes no payment any more" },
  quote_expired:                   { status: 410, retryable: false, title: "The order's price has run out; make a new order" },
  permit2_allowance_required:      { status: 412, retryable: false, title: "The payer must allow Permit2 to move the token first" },
  body_too_large:                  { status: 413, retryable: false, title: "The request body is too large" },
  unsupported_media_type:          { status: 415, retryable: false, title: "The request body must be application/json" },
  https_required:                  { status: 426, retryable: false, title: "This API is served over TLS only" },
  rate_limit_exceeded:             { status: 429, retryable: true,  title: "The key's rate limit is used up" },
  too_many_requests:               { status: 429, retryable: true,  title: "Too many requests from this address" },
  too_many_failed_auth_attempts:   { status: 429, retryable: true,  title: "Too many failed API keys from this address" },
  too_many_streams:                { status: 429, retryable: true,  title: "Too many open streams" },
  service_temporarily_unavailable: { status: 503, retryable: true,  title: "Goods cannot be delivered right now; nothing was charged" },
  internal_error:                  { status: 500, retryable: true,  title: "The shop failed; the request id identifies the failure" },
  facilitator_unavailable:         { status: 502, retryable: true,  title: "The payment could not be checked and was not carried out" },
};

/** Facts that the answer shows beside the code: the limit, the allowed range. Never a secret or supplier text. */
export type RefusalFacts = Readonly<Record<string, string | number | boolean | null>>;

/** The caller asked for what we will not do. Thrown anywhere, answered once, by `http/problem.ts`. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: ErrorCode;
  readonly detail: string;
  readonly facts: RefusalFacts;

  /** @param detail What was wrong, the value given, the values allowed, what to do next. */
  constructor(code: ErrorCode, detail: string, facts: RefusalFacts = {}) {
    super(`${code}: ${detail}`);
    this.code = code;
    this.detail = detail;
    this.facts = facts;
  }
}

/** An invariant of ours broke: a bug, answered with 500 or buried with an alert, never a refusal. */
export class Bug extends Error {
  override readonly name = "Bug";
}

export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new Bug(why);
}

/** Ends a switch over a union: reaching it means that the union grew and the switch did not. */
export function unreachable(value: never): never {
  throw new Bug(`unexpected value: ${String(value)}`);
}
