import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { StrKey } from "@stellar/stellar-sdk";
import { answerControl, type ControlContext } from "../control.ts";
import type { Fault, Faults } from "../faults.ts";
import { accountExists, fundAccounts } from "../friendbot.ts";
import { createAnswerer } from "./answer.ts";
import { readBody } from "./body.ts";
import { readCall, RPC_CODE, type RpcAnswer, RpcError } from "./json-rpc.ts";
import type { RpcContext } from "./method.ts";

export interface RpcServerOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Address to listen on. Faults and clock are never for other machines, whatever it is. */
  readonly hostname: string;
  readonly retentionLedgers: number;
  readonly faults: Faults;
  readonly control: ControlContext;
  /** Called when a transaction was let into the queue, after the answer is on its way. */
  readonly onPending: () => void;
}

export interface RpcServer {
  readonly url: string;
  close(): Promise<void>;
}

const MAX_BATCH = 100;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": "*",
  "access-control-max-age": "600",
};

/** An answer of the HTTP layer; null body for none. */
interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** JSON-RPC at `/`, friendbot at `/friendbot`, faults and clock at `/__devnet`. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { faults, control } = options;
  const { chain } = control;
  const answerer = createAnswerer();
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, { status: 500, body: problem(500, String(error)) });
      else response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, options.port, options.hostname);
  const { port } = server.address() as AddressInfo;
  const named =
    options.hostname === "0.0.0.0" || options.hostname === "::" ? "127.0.0.1" : options.hostname;
  const url = `http://${named}:${port}`;
  const context: RpcContext = {
    chain,
    friendbotUrl: `${url}/friendbot`,
    retentionLedgers: options.retentionLedgers,
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    if (request.method === "OPTIONS") return send(response, { status: 204, body: null });
    if (pathname.startsWith("/__devnet")) {
      return send(response, await answerControl(control, request, pathname));
    }
    if (pathname === "/friendbot") return serveFriendbot(request, response, searchParams);
    if (pathname !== "/" || request.method !== "POST") {
      const status = pathname === "/" ? 405 : 404;
      return send(response, { status, body: problem(status, "JSON-RPC is at POST /") });
    }
    return serveRpc(await readBody(request), response);
  }

  async function serveRpc(text: string | null, response: ServerResponse): Promise<void> {
    if (text === null) return send(response, { status: 413, body: problem(413, "body too large") });
    const waitingBefore = chain.pending;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      const error = { code: RPC_CODE.parseError, message: "invalid JSON" };
      return send(response, { status: 200, body: { jsonrpc: "2.0", id: null, error } });
    }
    const calls = Array.isArray(value) ? value.slice(0, MAX_BATCH) : [value];
    const fault = faults.take(methodOf(calls[0]));
    if (fault && (await suffer(fault, response))) return;
    const answers = calls.map((call) => answerOne(call, fault));
    if (fault?.kind === "drop_answer") response.destroy();
    else send(response, { status: 200, body: Array.isArray(value) ? answers : answers[0] });
    if (chain.pending > waitingBefore) options.onPending();
  }

  function answerOne(value: unknown, fault: Fault | null): RpcAnswer {
    let id: RpcAnswer["id"] = null;
    try {
      const call = readCall(value);
      id = call.id;
      return { jsonrpc: "2.0", id, result: answerer.answer(context, call, fault) };
    } catch (cause) {
      const { code, message } =
        cause instanceof RpcError
          ? cause
          : { code: RPC_CODE.internalError, message: String(cause) };
      return { jsonrpc: "2.0", id, error: { code, message } };
    }
  }

  async function serveFriendbot(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const body = request.method === "POST" ? await readBody(request) : "";
    const address = query.get("addr") ?? new URLSearchParams(body ?? "").get("addr") ?? "";
    const fault = faults.take("friendbot");
    if (fault && (await suffer(fault, response))) return;
    const answer = answerFriendbot(context, address);
    if (fault?.kind === "drop_answer") response.destroy();
    else send(response, answer);
  }

  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** True if the fault has taken the place of the answer. */
async function suffer(fault: Fault, response: ServerResponse): Promise<boolean> {
  if (fault.kind === "delay") await new Promise((done) => setTimeout(done, fault.delayMs));
  if (fault.kind === "drop") response.destroy();
  if (fault.kind === "http_status") {
    send(response, { status: fault.status, body: problem(fault.status, "planned fault") });
  }
  return fault.kind === "drop" || fault.kind === "http_status";
}

/** In a ledger of its own, at once: nobody waits for the next one to close. */
function answerFriendbot({ chain }: RpcContext, address: string): HttpAnswer {
  if (!StrKey.isValidEd25519PublicKey(address)) {
    return { status: 400, body: problem(400, `addr is not an account address: ${address}`) };
  }
  if (accountExists(chain, address)) {
    const detail = "createAccountAlreadyExist (the account is funded already)";
    return { status: 400, body: problem(400, detail) };
  }
  const record = fundAccounts(chain, [address]);
  return {
    status: 200,
    body: {
      successful: true,
      hash: record?.hash,
      ledger: record?.ledger,
      envelope_xdr: record?.envelope,
      result_xdr: record?.result,
      result_meta_xdr: record?.meta,
    },
  };
}

function methodOf(call: unknown): string {
  const method = typeof call === "object" && call !== null && "method" in call ? call.method : "";
  return typeof method === "string" ? method : "";
}

function problem(status: number, detail: string): Record<string, unknown> {
  return { title: status === 400 ? "Bad Request" : "Error", status, detail };
}

function send(response: ServerResponse, { status, body }: HttpAnswer): void {
  const text = body === null ? "" : JSON.stringify(body);
  response.writeHead(status, {
    ...CORS,
    ...(body !== null && { "content-type": "application/json" }),
    "content-length": Buffer.byteLength(text),
    // A body that was not read to its end must not be taken for the next request.
    ...(status === 413 && { connection: "close" }),
  });
  response.end(text);
}

function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
