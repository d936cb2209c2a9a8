import type { FacilitatorChoice } from "../../chains/evm/settings.ts";
import type { Clock } from "../../clock.ts";
import type { JsonObject } from "../../json.ts";
import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { cdpToken } from "./cdp-token.ts";
import type { PromiseFacilitator, Settled } from "./facilitator.ts";
import { isMembers } from "./promise.ts";
import { payloadV2, type ReadPromise } from "./read.ts";
import type { Verifier } from "./verify.ts";

type RemoteChoice = Extract<FacilitatorChoice, { kind: "remote" }>;

const SETTLE_LIMIT_MS = 60_000;
const CALL_LIMIT_MS = 15_000;
const MAX_ANSWER_BYTES = 65_536;
const TX_ID = /^0x[0-9a-f]{64}$/i;
const REASON = /^[a-zA-Z0-9_.:-]{1,120}$/;

/** What a server answered to one request. `mayHaveRun`: it may have done what it was asked for. */
type Reply =
  | {
      readonly kind: "json";
      readonly status: number;
      readonly body: Readonly<Record<string, unknown>>;
    }
  | { readonly kind: "none"; readonly mayHaveRun: boolean; readonly reason: string };

export interface RemoteDeps {
  readonly choice: RemoteChoice;
  readonly verifier: Verifier;
  readonly clock: Clock;
  /** Longest wait for the answer to a settlement; a facilitator waits for a block first. @default 60_000 */
  readonly settleLimitMs?: number;
}

/**
 * Somebody else's facilitator over the standard HTTP API. What it says for a payment decides nothing: we ask the chain
 * ourselves. What it says against one is taken as a refusal, unless the chain contradicts it.
 */
export function createRemote(deps: RemoteDeps): PromiseFacilitator & {
  /** Whether it serves exact payments on this network; the reason when nobody answered. */
  readonly supports: (caip2: string) => Promise<Outcome<boolean>>;
} {
  const { choice, verifier, clock, settleLimitMs = SETTLE_LIMIT_MS } = deps;
  const call = (path: string, body: object | null, limitMs: number): Promise<Reply> =>
    ask({ choice, clock, path, body, limitMs });

  return {
    async verify(read) {
      const own = await verifier.verify(read);
      if (own.kind !== "done" && !mayBeSponsored(read, own)) return own;
      const reply = await call("/verify", requestOf(read), CALL_LIMIT_MS);
      if (reply.kind === "none") return unknown(reply.reason);
      const { isValid, invalidReason } = reply.body;
      if (isValid === true) return done(null);
      if (isValid === false) return failed(reasonIn(invalidReason), "final");
      return unknown(`the facilitator answered ${reply.status}`);
    },
    async settle(read) {
      const reply = await call("/settle", requestOf(read), settleLimitMs);
      if (reply.kind === "none")
        return reply.mayHaveRun ? unknown(reply.reason) : failed(reply.reason, "retry");
      return settledIn(reply);
    },
    async supports(caip2) {
      const reply = await call("/supported", null, CALL_LIMIT_MS);
      if (reply.kind === "none") return failed(reply.reason, "retry");
      const { kinds } = reply.body;
      if (!Array.isArray(kinds)) return failed("it does not say what it supports", "retry");
      const isOurs = (kind: unknown): boolean =>
        isMembers(kind) && kind["scheme"] === "exact" && kind["network"] === caip2;
      return done((kinds as readonly unknown[]).some(isOurs));
    },
  };
}

/** It may carry out, at its own cost, a permit that a payer sent along in place of an allowance. */
function mayBeSponsored({ extensions }: ReadPromise, own: Outcome<null>): boolean {
  const needsAllowance = own.kind === "failed" && own.reason === "permit2_allowance_required";
  return needsAllowance && extensions !== null;
}

function requestOf(read: ReadPromise): object {
  return {
    x402Version: 2,
    paymentPayload: payloadV2(read),
    paymentRequirements: read.terms as unknown as JsonObject,
  };
}

/** A refusal with a transaction may have moved money all the same. */
function settledIn({ status, body }: Extract<Reply, { kind: "json" }>): Outcome<Settled> {
  const { success, errorReason, transaction } = body;
  const txId = typeof transaction === "string" && TX_ID.test(transaction) ? transaction : null;
  if (success === true) return done({ txId });
  const reason = reasonIn(errorReason);
  if (success !== false || txId !== null || reason === "settlement_pending")
    return unknown(`the facilitator answered ${status}: ${reason}`);
  return failed(reason, "final");
}

/** Texts of others go into answers of ours: nothing but a code. */
function reasonIn(value: unknown): string {
  return typeof value === "string" && REASON.test(value) ? value : "invalid_transaction_state";
}

interface Asked {
  readonly choice: RemoteChoice;
  readonly clock: Clock;
  readonly path: string;
  readonly body: object | null;
  readonly limitMs: number;
}

async function ask({ choice, clock, path, body, limitMs }: Asked): Promise<Reply> {
  const url = new URL(`${choice.url.replace(/\/+$/, "")}${path}`);
  const method = body === null ? "GET" : "POST";
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== null) headers["content-type"] = "application/json";
  if (choice.key !== null) {
    const token = cdpToken(choice.key, { method, url }, Math.floor(clock.now() / 1_000));
    if (token === null) return none("the facilitator's key cannot be read", false);
    headers["authorization"] = `Bearer ${token}`;
  }
  try {
    const answer = await fetch(url, {
      method,
      headers,
      redirect: "error",
      signal: AbortSignal.timeout(limitMs),
      ...(body !== null && { body: JSON.stringify(body) }),
    });
    return await replyOf(answer);
  } catch (error) {
    const isRefused = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN/.test(codeOf(error));
    return none(`the facilitator at ${url.host} does not answer`, !isRefused);
  }
}

/** 4xx without an answer of the protocol: turned away. 5xx: a gateway may have passed it on before it gave up. */
async function replyOf(answer: Response): Promise<Reply> {
  const text = await boundedText(answer);
  const body = text === null ? null : parse(text);
  const isAnswer = body !== null && ("isValid" in body || "success" in body || "kinds" in body);
  if (isAnswer) return { kind: "json", status: answer.status, body };
  return none(`the facilitator answered ${answer.status}`, answer.status >= 500 || answer.ok);
}

/** Null when it is longer than any answer of the protocol. */
async function boundedText(answer: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    // Leaving the loop cancels the rest.
    if (bytes > MAX_ANSWER_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isMembers(value) ? value : null;
  } catch {
    return null;
  }
}

function none(reason: string, mayHaveRun: boolean): Reply {
  return { kind: "none", mayHaveRun, reason };
}

/** The system's code behind what `fetch` threw; empty when there is none. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : null;
  const code = cause instanceof Error && "code" in cause ? cause.code : null;
  return typeof code === "string" ? code : "";
}
