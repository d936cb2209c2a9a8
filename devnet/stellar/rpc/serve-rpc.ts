import type { ServerResponse } from "node:http";
import type { Fault, Faults } from "../faults.ts";
import { type RpcAnswerer, createAnswerer } from "./answer.ts";
import { problem, send } from "./http.ts";
import { isObject, readCall, RPC_CODE, type RpcAnswer, RpcError } from "./json-rpc.ts";
import type { RpcContext } from "./method.ts";

const MAX_BATCH = 100;

/** Answers the body of a POST, be it one call or a batch; null is a body that was too large. */
export type ServeRpc = (text: string | null, response: ServerResponse) => Promise<void>;

export function createServeRpc(context: RpcContext, faults: Faults): ServeRpc {
  const answerer = createAnswerer();
  return async (text, response) => {
    if (text === null) return send(response, problem(413, "request body too large"));
    const value = parse(text);
    if (value === undefined) {
      const error = { code: RPC_CODE.parseError, message: "invalid JSON" };
      return send(response, { status: 200, body: { jsonrpc: "2.0", id: null, error } });
    }
    const calls: readonly unknown[] = Array.isArray(value) ? value.slice(0, MAX_BATCH) : [value];
    const fault = faults.take(methodOf(calls[0]));
    if (fault && (await suffer(fault, response))) return;
    const answers = calls.map((call) => answerOne(answerer, context, call, fault));
    if (fault?.kind === "drop_answer") response.destroy();
    else send(response, { status: 200, body: Array.isArray(value) ? answers : answers[0] });
  };
}

/** Undefined if it is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function answerOne(
  answerer: RpcAnswerer,
  context: RpcContext,
  value: unknown,
  fault: Fault | null,
): RpcAnswer {
  let id: RpcAnswer["id"] = null;
  try {
    const call = readCall(value);
    id = call.id;
    return { jsonrpc: "2.0", id, result: answerer.answer(context, call, fault) };
  } catch (cause) {
    const { code, message } =
      cause instanceof RpcError ? cause : { code: RPC_CODE.internalError, message: String(cause) };
    return { jsonrpc: "2.0", id, error: { code, message } };
  }
}

/** Lets a request suffer what is below JSON-RPC. True if that has taken the place of an answer. */
export async function suffer(fault: Fault, response: ServerResponse): Promise<boolean> {
  if (fault.kind === "delay") {
    await new Promise((done) => {
      setTimeout(done, fault.delayMs);
    });
  }
  if (fault.kind === "drop") response.destroy();
  if (fault.kind === "http_status") send(response, problem(fault.status, "planned fault"));
  return fault.kind === "drop" || fault.kind === "http_status";
}

function methodOf(call: unknown): string {
  return isObject(call) && typeof call["method"] === "string" ? call["method"] : "";
}
