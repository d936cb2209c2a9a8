import { randomUUID } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Authorization } from "../rails/rail.ts";
import { createMayCall } from "./callers.ts";
import { Problem, problemOf } from "./problem.ts";
import type { Replays } from "./replays.ts";
import { readRequest } from "./request.ts";
import { supportedBody, type Asked, type ServedScheme } from "./served.ts";
import { createSettlements, type Settlement, type Settlements } from "./settlement.ts";

export interface FacilitatorOptions {
  readonly schemes: readonly ServedScheme[];
  readonly replays: Replays;
  /** Bearer keys of those who may verify and settle; empty: anybody may. */
  readonly keys: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** How long an answer to `/settle` waits for the chain. @default 25_000; stock clients give up after 90 s */
  readonly settleWaitMs?: number;
  /** Between two looks at the chain. @default 500 */
  readonly lookEveryMs?: number;
  /** Requests in hand at once; more are told to come again. @default 256 */
  readonly maxInHand?: number;
}

/** The standard x402 facilitator API, not listening yet. */
export interface Facilitator {
  /** Resolves with the URL it listens on; port 0 takes a free one. */
  listen(at: { readonly host: string; readonly port: number }): Promise<string>;
  /** Ends every wait with an honest answer, then stops. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 65_536;
const REQUEST_TIMEOUT_MS = 30_000;
const COME_AGAIN_S = 2;

/**
 * `POST /verify`, `POST /settle` and `GET /supported`, versions 1 and 2, over the schemes of any rails. What the
 * protocol can say is said with status 200; what it cannot (no such request, nobody could be asked) is a problem
 * document, so that no payer is blamed for it.
 */
export function buildFacilitator(options: FacilitatorOptions): Facilitator {
  const { clock, log, replays, settleWaitMs = 25_000, lookEveryMs = 500 } = options;
  const settlements = createSettlements({
    replays,
    waitMs: settleWaitMs,
    lookEveryMs,
    clock,
    log,
  });
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    genReqId: () => randomUUID(),
  });
  app.setErrorHandler((error, request, reply) => answerError(log, error, request, reply));
  app.setNotFoundHandler(() => {
    throw new Problem(404, "not_found", "There are POST /verify, POST /settle and GET /supported.");
  });
  app.addHook("onRequest", async (request, reply) => {
    reply.headers({ "x-request-id": request.id, "cache-control": "no-store" });
  });
  let isClosing = false;
  app.addHook("onSend", async (_request, reply) => {
    // An answer that was under way must not leave a connection that nobody will serve.
    if (isClosing) reply.header("connection", "close");
  });
  const supported = supportedBody(options.schemes);
  app.get("/supported", async () => supported);
  app.get("/health", async () => ({ status: "ok" }));
  void app.register(async (scope) => addPaidRoutes(scope, options, settlements));
  return {
    listen: async (at) => app.listen(at),
    close: async () => {
      isClosing = true;
      settlements.stop();
      await app.close();
    },
  };
}

function addPaidRoutes(
  app: FastifyInstance,
  { schemes, keys, log, maxInHand = 256 }: FacilitatorOptions,
  settlements: Settlements,
): void {
  const mayCall = createMayCall(keys);
  let inHand = 0;
  app.addHook("onRequest", async (request, reply) => {
    if (!mayCall(request.headers.authorization)) {
      reply.header("www-authenticate", "Bearer");
      throw new Problem(401, "invalid_api_key", "Send a key as `Authorization: Bearer …`.");
    }
    if (inHand >= maxInHand) throw comeAgain("too_many_requests", "Too many requests in hand.");
    inHand++;
    reply.raw.once("close", () => inHand--);
  });
  const onVerify = async (request: FastifyRequest): Promise<object> => {
    const read = readRequest(request.body, schemes);
    if (read.kind === "garbage") throw new Problem(400, "invalid_request", read.detail);
    if (read.kind === "refused") return { isValid: false, invalidReason: read.reason };
    return verify(read.asked);
  };
  const onSettle = async (request: FastifyRequest): Promise<object> => {
    const read = readRequest(request.body, schemes);
    if (read.kind === "garbage") throw new Problem(400, "invalid_request", read.detail);
    if (read.kind === "refused") {
      const { reason: errorReason, network } = read;
      return { success: false, errorReason, transaction: "", network };
    }
    const key = idempotencyKeyOf(request);
    const answer = await settle(settlements, read.asked, key);
    log.info("settle was answered", { request_id: request.id, ...answer });
    return answer;
  };
  app.route({ method: "POST", url: "/verify", handler: onVerify });
  app.route({ method: "POST", url: "/settle", handler: onSettle });
}

async function verify({ version, payload, terms, served }: Asked): Promise<object> {
  const read = served.x402.read(version, payload, terms);
  if (read.kind === "invalid") return { isValid: false, invalidReason: read.reason };
  const { from: payer } = read.authorization;
  const verified = await served.x402.verify(read.authorization);
  if (verified.kind === "done") return { isValid: true, payer };
  if (verified.kind === "failed" && !verified.retryable)
    return { isValid: false, invalidReason: verified.reason, payer };
  throw comeAgain("chain_unreachable", "The chain could not be asked; the payment was not judged.");
}

async function settle(settlements: Settlements, asked: Asked, key: string | null): Promise<object> {
  const { version, payload, terms, served } = asked;
  const network = (version === 1 ? served.networkV1 : null) ?? served.network;
  const read = served.x402.read(version, payload, terms);
  if (read.kind === "invalid")
    return { success: false, errorReason: read.reason, transaction: "", network };
  const settlement = await settlements.settle(served.x402, read.authorization, key);
  return settleAnswer(settlement, read.authorization, network);
}

function settleAnswer(
  settlement: Settlement,
  { from: payer, amount }: Authorization,
  network: string,
): object {
  switch (settlement.kind) {
    case "landed": {
      const transaction = settlement.txId ?? "";
      return { success: true, transaction, network, payer, amount: amount.atomic.toString() };
    }
    case "pending": {
      const errorMessage = "It is not on chain yet; send the same request again.";
      const transaction = settlement.txId ?? "";
      const errorReason = "settlement_pending";
      return { success: false, errorReason, errorMessage, transaction, network, payer };
    }
    case "refused": {
      const { reason: errorReason, txId } = settlement;
      return { success: false, errorReason, transaction: txId ?? "", network, payer };
    }
    case "unreachable":
      throw comeAgain("chain_unreachable", "The chain could not be asked; nothing was sent.");
  }
}

function idempotencyKeyOf(request: FastifyRequest): string | null {
  const key = request.headers["idempotency-key"];
  if (key === undefined) return null;
  if (typeof key === "string" && /^[\x21-\x7e]{1,128}$/.test(key)) return key;
  throw new Problem(400, "invalid_idempotency_key", "It must be 1 to 128 printable characters.");
}

function comeAgain(code: string, detail: string): Problem {
  return new Problem(503, code, detail, COME_AGAIN_S);
}

function answerError(log: Log, error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = problemOf(error);
  if (problem.status === 500) log.error("a request failed", { request_id: request.id, error });
  if (problem.retryAfterS !== null) reply.header("retry-after", String(problem.retryAfterS));
  const { status, code, detail } = problem;
  const body = { title: code, status, detail, code, request_id: request.id };
  void reply.code(status).type("application/problem+json").send(JSON.stringify(body));
}
