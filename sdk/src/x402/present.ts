import { refusalOf, type Shop } from "../client.ts";
import { ApiError, BadAnswerError, NetworkError } from "../errors.ts";
import type { HttpAnswer } from "../http.ts";
import { shownText } from "../answers.ts";
import { accessTokenIn, parsePaymentResponse, parseX402Order } from "./answers.ts";
import type { PromiseRecord } from "./promise.ts";
import { send, x402OrderPath } from "./shop.ts";

/** What the shop said of a promise that it was sent. */
export type Presented =
  /** The order is paid, or being paid. */
  | { readonly kind: "taken"; readonly txId: string | null; readonly accessToken: string | null }
  /** It was certainly not carried out, and the order still waits: an x402 reason. */
  | { readonly kind: "refused"; readonly reason: string }
  /** It asks for a payment again without saying that this one failed. */
  | { readonly kind: "unclear"; readonly reason: string }
  /** The token's owner must allow the transfer first; then the same promise is good. */
  | { readonly kind: "allowance" }
  /** The order takes no payment any more. */
  | { readonly kind: "closed" };

/** Said of promises that may have been, or may yet be, carried out: never a reason to sign another. */
const NOT_A_FAILURE = /pending|already|used|duplicate|unknown|unexpected|confirm/;

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 10_000;

/**
 * Sends the promise until the shop answers what became of it. Lost answers and failing servers are waited out, with the
 * same bytes.
 * @throws the reason of `signal`, ApiError for what time does not cure
 */
export async function present(
  shop: Shop,
  record: PromiseRecord,
  signal: AbortSignal,
): Promise<Presented> {
  const { runtime } = shop;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    let askedMs = 0;
    try {
      return read(await post(shop, record, signal), record, runtime.nowMs());
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
      askedMs = error instanceof ApiError ? (error.retryAfterS ?? 0) * 1000 : 0;
    }
    await runtime.sleep(Math.max(askedMs, pauseMs * (0.5 + runtime.random() / 2)), signal);
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof ApiError)
    return error.status >= 500 || [408, 425, 429].includes(error.status);
  return error instanceof NetworkError || error instanceof BadAnswerError;
}

function post(
  shop: Shop,
  { orderId, header }: PromiseRecord,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  return send(shop, {
    path: `${x402OrderPath(orderId)}/pay`,
    body: "{}",
    headers: { "PAYMENT-SIGNATURE": header },
    signal,
  });
}

function read(answer: HttpAnswer, { orderId }: PromiseRecord, nowMs: number): Presented {
  const { status, headers, json } = answer;
  if (status === 200 || status === 202) {
    // Another order's answer: the promise was given to that one before. Then it pays it, and no other.
    parseX402Order(json, orderId);
    const { transaction = "" } = parsePaymentResponse(headers.get("payment-response")) ?? {};
    const txId = transaction === "" ? null : transaction;
    return { kind: "taken", txId, accessToken: accessTokenIn(json) };
  }
  if (status === 402) return readRefusal(answer);
  const refusal = refusalOf(answer, nowMs);
  if (refusal.code === "permit2_allowance_required") return { kind: "allowance" };
  if (refusal.code === "order_closed" || refusal.code === "quote_expired")
    return { kind: "closed" };
  throw refusal;
}

/** Only a payment response that says "failed" means so; a bare 402 may be an answer to a request that lost its header. */
function readRefusal({ headers, json }: HttpAnswer): Presented {
  const response = parsePaymentResponse(headers.get("payment-response"));
  const body = typeof json === "object" && json !== null ? (json as { error?: unknown }) : {};
  const reason = response?.errorReason ?? shownText(body.error) ?? "payment_required";
  const isFailure =
    response !== null &&
    !response.success &&
    response.errorReason !== undefined &&
    response.transaction === "" &&
    !NOT_A_FAILURE.test(response.errorReason);
  return { kind: isFailure ? "refused" : "unclear", reason };
}
