import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

/** What a peer was asked. */
export interface PeerRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Peer {
  /** "http://127.0.0.1:1234/v1" */
  readonly baseUrl: string;
  readonly requests: PeerRequest[];
  readonly openConnections: () => number;
}

type Answer = (request: PeerRequest, response: ServerResponse) => unknown;

/** An HTTP server that speaks exactly what `answer` writes. Closed with the test. */
export async function startPeer(answer: Answer): Promise<Peer> {
  const requests: PeerRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    incoming.on("data", (piece: Buffer) => pieces.push(piece));
    incoming.on("end", () => {
      const request = {
        method: incoming.method ?? "",
        path: incoming.url ?? "",
        headers: incoming.headers,
        body: Buffer.concat(pieces).toString(),
      };
      requests.push(request);
      void Promise.resolve(answer(request, response)).catch((error: unknown) =>
        response.destroy(error as Error),
      );
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${String(port)}/v1`,
    requests,
    openConnections: () => sockets.size,
  };
}

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers = {},
): void {
  response
    .writeHead(status, { "Content-Type": "application/json", ...headers })
    .end(JSON.stringify(body));
}

export const API_KEY = "cards402_0123456789abcdef0123456789abcdef0123456789abcdef";
export const ORDER_ID = "0198c0de-0000-7000-8000-000000000001";
export const CARD = {
  number: "4111111111111111",
  cvv: "123",
  expiry: "12/99",
  brand: "USD Visa Card",
};
export const CONTRACT_ID = "CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD2KM";
const ISSUER = "GBBD47IF6LWK7P7MDEVSCWR7DPUWV3NY3DTQEVFL4NAT4AQH3ZLLFLA5";

export const PAYMENT = {
  type: "soroban_contract",
  contract_id: CONTRACT_ID,
  order_id: ORDER_ID,
  usdc: { amount: "10.00", asset: `USDC:${ISSUER}` },
  xlm: { amount: "64.5161290", expires_at: "2099-01-01T00:00:00.000Z" },
  network_passphrase: "Test SDF Network ; September 2015",
};

export const PAYABLE = {
  order_id: ORDER_ID,
  status: "pending_payment",
  phase: "awaiting_payment",
  amount_usdc: "10.00",
  payment: PAYMENT,
  poll_url: `/v1/orders/${ORDER_ID}`,
  expires_at: "2099-01-01T00:00:00.000Z",
  budget: {
    spent_usdc: "0.00",
    in_flight_usdc: "10.00",
    committed_usdc: "10.00",
    limit_usdc: null,
    remaining_usdc: null,
  },
};

const STATUS_OF: Readonly<Record<string, string>> = {
  awaiting_approval: "awaiting_approval",
  awaiting_payment: "pending_payment",
  processing: "ordering",
  ready: "delivered",
  failed: "refund_pending",
  refunded: "refunded",
  rejected: "rejected",
  expired: "expired",
};

/** The order in a phase, as a shop shows it. `version` orders the answers in time. */
export function orderIn(phase: string, version = 0, extra: object = {}): Record<string, unknown> {
  return {
    order_id: ORDER_ID,
    status: STATUS_OF[phase] ?? phase,
    phase,
    amount_usdc: "10.00",
    payment_asset: "usdc",
    created_at: "2026-01-01T00:00:00.000Z",
    updated_at: new Date(Date.UTC(2026, 0, 1) + version).toISOString(),
    ...(phase === "awaiting_payment" ? { payment: PAYMENT } : {}),
    ...(phase === "ready" ? { card: CARD } : {}),
    ...(phase === "failed" || phase === "refunded"
      ? { error: "The supplier is out of stock." }
      : {}),
    ...(phase === "refunded"
      ? {
          refund: {
            stellar_txid: "ab".repeat(32),
            rail: "stellar",
            tx_id: "ab".repeat(32),
            amount: "10.00",
            asset: "USDC",
          },
        }
      : {}),
    ...extra,
  };
}

/** One frame of the stream as the cards API writes it. */
export function frame(order: unknown, id = 1): string {
  return `id: ${String(id)}\nevent: phase\ndata: ${JSON.stringify(order)}\n\n`;
}

export function openEventStream(response: ServerResponse): void {
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
  });
  response.write(": connected\n\n");
}
