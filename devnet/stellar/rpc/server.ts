import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerControl, type ControlContext } from "../control.ts";
import type { TestAsset } from "../setup.ts";
import { answerFaucet, answerFriendbot } from "./faucets.ts";
import { listen, problem, readBody, send } from "./http.ts";
import type { RpcContext } from "./method.ts";
import { createServeRpc, suffer } from "./serve-rpc.ts";

export interface RpcServerOptions {
  /** 0 takes a free port. */
  readonly port: number;
  /** Address to listen on. Faults and clock are never for other machines, whatever it is. */
  readonly hostname: string;
  readonly retentionLedgers: number;
  readonly control: ControlContext;
  /** Given away at `/faucet`; null if there is none. */
  readonly testAsset: TestAsset | null;
  /** Called after an answer is on its way while transactions wait. */
  readonly onPending: () => void;
}

export interface RpcServer {
  readonly url: string;
  close(): Promise<void>;
}

/** JSON-RPC at `/`, XLM at `/friendbot`, the test asset at `/faucet`, faults and clock at `/__devnet`. */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const { control, onPending } = options;
  const { chain, faults } = control;
  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, problem(500, String(error)));
    });
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, options.port, options.hostname);
  const url = urlOf(options.hostname, (server.address() as AddressInfo).port);
  const { retentionLedgers } = options;
  const context: RpcContext = { chain, friendbotUrl: `${url}/friendbot`, retentionLedgers };
  const serveRpc = createServeRpc(context, faults);

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", url);
    if (request.method === "OPTIONS") return send(response, { status: 204, body: null });
    if (pathname.startsWith("/__devnet")) {
      return send(response, await answerControl(control, request, pathname));
    }
    if (pathname === "/friendbot") return serveFriendbot(request, response, searchParams);
    if (pathname === "/faucet") {
      return send(response, answerFaucet(chain, options.testAsset, searchParams));
    }
    if (pathname !== "/") return send(response, problem(404, "JSON-RPC is at POST /"));
    if (request.method !== "POST") return send(response, problem(405, "JSON-RPC is at POST /"));
    await serveRpc(await readBody(request), response);
    if (chain.pending > 0) onPending();
  }

  async function serveFriendbot(
    request: IncomingMessage,
    response: ServerResponse,
    query: URLSearchParams,
  ): Promise<void> {
    const form = request.method === "POST" ? await readBody(request) : null;
    const address = query.get("addr") ?? new URLSearchParams(form ?? "").get("addr") ?? "";
    const fault = faults.take("friendbot");
    if (fault && (await suffer(fault, response))) return;
    const answer = answerFriendbot(chain, address);
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

function urlOf(hostname: string, port: number): string {
  const everywhere = hostname === "0.0.0.0" || hostname === "::";
  const named = everywhere ? "127.0.0.1" : hostname;
  return named.includes(":") ? `http://[${named}]:${port}` : `http://${named}:${port}`;
}
