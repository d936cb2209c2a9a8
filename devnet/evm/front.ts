import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { listen, problem, readBody, send } from "../stellar/rpc/http.ts";
import { answerControl, type Controls } from "./control.ts";
import { exchange, type Fate } from "./json-rpc.ts";
import { connect } from "./rpc.ts";

export interface FrontOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly hostname: string;
  /** Of anvil. */
  readonly chainUrl: string;
  readonly controls: Controls;
}

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

/** Stands before the chain and passes everything on, but for the faults that are planned. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const { controls, chainUrl } = options;
  const { faults } = controls;
  const context = {
    faults,
    rpc: connect(chainUrl),
    forward: (body: string) => post(chainUrl, body),
  };
  const server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, problem(502, String(error)));
    });
  });
  server.keepAliveTimeout = 60_000;
  await listen(server, options.port, options.hostname);

  async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (request.method === "OPTIONS") return send(response, { status: 204, body: null });
    if (pathname.startsWith("/__devnet")) {
      return send(response, await answerControl(controls, request, pathname));
    }
    if (request.method !== "POST") return send(response, problem(405, "JSON-RPC is at POST /"));
    const body = await readBody(request);
    if (body === null) return send(response, problem(413, "the request is too large"));
    finish(response, await exchange(context, body));
  }

  return {
    url: urlOf(options.hostname, (server.address() as AddressInfo).port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function post(url: string, body: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body });
  return response.text();
}

function finish(response: ServerResponse, { text, status, isCut }: Fate): void {
  if (isCut) {
    response.destroy();
    return;
  }
  if (status !== null) return send(response, { status, body: null });
  response.writeHead(200, {
    "access-control-allow-origin": "*",
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

function urlOf(hostname: string, port: number): string {
  const everywhere = hostname === "0.0.0.0" || hostname === "::";
  const named = everywhere ? "127.0.0.1" : hostname;
  return named.includes(":") ? `http://[${named}]:${port}` : `http://${named}:${port}`;
}
