import { randomUUID } from "node:crypto";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Refusal } from "../errors.ts";
import type { HttpDeps } from "./deps.ts";
import { rawAnswer, renderRefusal } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";

/**
 * Answers for what never becomes a request of the framework: broken or oversized headers, timeouts, CONNECT
 * and expectations. The client gets the same error body as everywhere.
 */
export function createUnreadable({ log, settings }: Pick<HttpDeps, "log" | "settings">): {
  /** For the `clientError` event. */
  readonly answerClientError: (error: Error & { code?: string }, socket: Duplex) => void;
  readonly listen: (server: Server) => void;
} {
  const { publicBaseUrl } = settings;
  const contextOf = (requestId: string) => ({ requestId, publicBaseUrl });
  const note = (requestId: string, status: number): void =>
    log.info("request", { request_id: requestId, method: null, route: null, status });
  const answer = (socket: Duplex, status: number, detail: string): void => {
    const refusal = new Refusal("invalid_request", detail);
    const requestId = randomUUID();
    note(requestId, status);
    const text = rawAnswer(renderRefusal(refusal, contextOf(requestId), status));
    // A half-open client must not keep the socket.
    socket.end(text, () => socket.destroy());
  };

  return {
    answerClientError: (error, socket) => {
      if (error.code === "ECONNRESET" || !socket.writable || isAnswering(socket)) {
        socket.destroy();
        return;
      }
      const [status, detail] = describe(error.code);
      answer(socket, status, detail);
    },
    listen: (server) => {
      server.on("connect", (_request: IncomingMessage, socket: Duplex) =>
        answer(socket, 405, "This server is not a proxy."),
      );
      server.on("checkExpectation", (request: IncomingMessage, response: ServerResponse) => {
        const refusal = new Refusal(
          "invalid_request",
          "Only `Expect: 100-continue` is understood.",
        );
        const context = contextOf(requestIdOf(request));
        const { body, status } = renderRefusal(refusal, context, 417);
        note(context.requestId, status);
        const text = JSON.stringify(body);
        const headers = {
          "content-length": Buffer.byteLength(text),
          "content-type": "application/json; charset=utf-8",
          "x-request-id": context.requestId,
          connection: "close",
        };
        response.writeHead(status, headers).end(text);
      });
    },
  };
}

/** Node keeps the answer under way on the socket; a second head must not be written into its body. */
function isAnswering(socket: Duplex): boolean {
  const answer = Reflect.get(socket, "_httpMessage") as ServerResponse | null | undefined;
  return answer?.headersSent === true;
}

function describe(code: string | undefined): readonly [status: number, detail: string] {
  if (code === "HPE_HEADER_OVERFLOW") return [431, "The request line and headers exceed 16 kB."];
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return [408, "The request did not arrive in time."];
  return [400, "This is not a valid HTTP request."];
}
