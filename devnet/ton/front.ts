import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listen, readBody, send } from "../stellar/rpc/http.ts";
import { ApiError } from "./api-error.ts";
import type { TonChain } from "./chain.ts";
import { answerControl, type Controls } from "./control.ts";
import { type Fault, faultMethod } from "./faults.ts";
import { answerPerhapsFalsely } from "./lies.ts";
import { callMethod } from "./methods.ts";
import { isTrue, type Parameters } from "./parameters.ts";
import { pruned } from "./transactions.ts";

export interface FrontOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly hostname: string;
  readonly chain: TonChain;
  readonly controls: Controls;
}

export interface Front {
  /** Where JSON-RPC is; what the stock client calls the endpoint. */
  readonly url: string;
  close(): Promise<void>;
}

interface Call {
  readonly id: unknown;
  readonly method: string;
  readonly given: Parameters;
}

/** toncenter's API v2 as JSON-RPC (`POST /api/v2/jsonRPC`) and as URLs (`/api/v2/<method>`), with planned faults. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const { chain, controls } = options;
  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, failed(null, error));
    });
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, options.port, options.hostname);

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "OPTIONS") return send(response, { status: 204, body: null });
    if (url.pathname.startsWith("/__devnet")) {
      return send(response, await answerControl(controls, request, url.pathname));
    }
    const body = await readBody(request);
    if (body === null) return send(response, failed(null, new ApiError(413, "too large")));
    let call: Call;
    try {
      call = readCall(url, body);
    } catch (error) {
      return send(response, failed(null, error));
    }
    await answer(response, call);
  }

  async function answer(response: ServerResponse, call: Call): Promise<void> {
    const fault = controls.faults.take(faultMethod(call.method));
    if (fault?.kind === "drop") return cut(response);
    if (fault?.kind === "http_status") return send(response, { status: fault.status, body: null });
    if (fault?.kind === "delay") await new Promise((done) => setTimeout(done, fault.delayMs));
    try {
      const result = await carryOut(call, fault);
      if (fault?.kind === "drop_answer") return cut(response);
      send(response, { status: 200, body: { ok: true, result, jsonrpc: "2.0", id: call.id } });
    } catch (error) {
      send(response, failed(call.id, error));
    }
  }

  async function carryOut({ method, given }: Call, fault: Fault | null): Promise<unknown> {
    if (fault?.kind === "api_error") throw new ApiError(fault.code, fault.message);
    if (fault?.kind === "lose_message") return { "@type": "ok" };
    if (fault?.kind === "pruned_history" && !isTrue(given, "archival")) throw pruned();
    const truly = (asked: Parameters): Promise<unknown> => callMethod(chain, method, asked);
    return answerPerhapsFalsely(fault, { ledger: chain.ledger, method, given, truly });
  }

  return {
    url: `${originOf(options.hostname, (server.address() as AddressInfo).port)}/api/v2/jsonRPC`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @throws ApiError */
function readCall(url: URL, body: string): Call {
  const [, name] = /^\/api\/v2\/(\w+)$/.exec(url.pathname) ?? [];
  if (name === undefined) throw new ApiError(404, "the API is at /api/v2");
  const given = readJson(body);
  if (name !== "jsonRPC") {
    return { id: "1", method: name, given: { ...Object.fromEntries(url.searchParams), ...given } };
  }
  const { id, method, params } = given;
  if (typeof method !== "string") throw new ApiError(422, "method is missing");
  const isObject = typeof params === "object" && params !== null;
  return { id, method, given: isObject ? (params as Parameters) : {} };
}

function readJson(body: string): Parameters {
  if (body === "") return {};
  try {
    const read: unknown = JSON.parse(body);
    if (typeof read === "object" && read !== null) return read as Parameters;
  } catch {
    // Told below.
  }
  throw new ApiError(422, "the body is no JSON object");
}

function failed(id: unknown, error: unknown) {
  const code = error instanceof ApiError ? error.code : 500;
  const text = error instanceof Error ? error.message : String(error);
  return { status: code, body: { ok: false, error: text, code, jsonrpc: "2.0", id } };
}

function cut(response: ServerResponse): void {
  response.destroy();
}

function originOf(hostname: string, port: number): string {
  const everywhere = hostname === "0.0.0.0" || hostname === "::";
  const named = everywhere ? "127.0.0.1" : hostname;
  return named.includes(":") ? `http://[${named}]:${port}` : `http://${named}:${port}`;
}
