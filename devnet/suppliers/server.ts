import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { problem, send, type Answer } from "./answer.ts";
import type { ApiRequest } from "./api.ts";
import { answerControl, type Control } from "./control.ts";

interface ServerParts {
  /** 0 picks a free one. */
  readonly port: number;
  readonly apiKey: string;
  readonly control: Control;
  answer(request: ApiRequest): Promise<Answer>;
}

/** Serves the API and its control plane on the loopback interface. */
export async function listen(
  parts: ServerParts,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  let received = 0;
  const server = createServer((request, response) => {
    received += 1;
    const requestId = `req_${received}`;
    dispatch(parts, request).then(
      (answer) => send(answer, response, requestId),
      // The supplier was switched off or reset in the middle of the call.
      () => response.destroy(),
    );
  });
  server.listen(parts.port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : parts.port;
  return {
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function dispatch(parts: ServerParts, request: IncomingMessage): Promise<Answer> {
  const url = URL.parse(request.url ?? "/", "http://localhost");
  if (url === null) return problem("invalid_request", "The path cannot be read.");
  const body = await readBody(request);
  if ("problem" in body) return body.problem;
  const method = request.method ?? "GET";

  if (url.pathname.startsWith("/__sim/")) {
    if (!isLoopback(request.socket.remoteAddress)) return problem("forbidden", "Loopback only.");
    // A web page can post to a loopback port; it cannot do so without an Origin.
    if (request.headers.origin !== undefined) return problem("forbidden", "Not from a web page.");
    return answerControl(parts.control, { method, path: url.pathname, body: body.json });
  }
  if (!url.pathname.startsWith("/v1/")) return problem("not_found", "No such path.");
  if (!isAuthorized(parts.apiKey, request.headers.authorization)) {
    return problem("unauthorized", "Authorization: Bearer <API key>.", {
      "www-authenticate": "Bearer",
    });
  }
  return parts.answer({
    method,
    path: url.pathname,
    query: url.searchParams,
    idempotencyKey: headerText(request, "idempotency-key"),
    body: body.json,
  });
}

const MAX_BODY_BYTES = 64 * 1024;

async function readBody(
  request: IncomingMessage,
): Promise<{ readonly json: unknown } | { readonly problem: Answer }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_BODY_BYTES) {
    return { problem: problem("body_too_large", `At most ${MAX_BODY_BYTES} bytes.`) };
  }
  if (bytes === 0) return { json: undefined };
  try {
    return { json: JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown };
  } catch {
    return { problem: problem("invalid_request", "The body is not JSON.") };
  }
}

function isAuthorized(apiKey: string, header: string | undefined): boolean {
  return timingSafeEqual(digest(header ?? ""), digest(`Bearer ${apiKey}`));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isLoopback(address: string | undefined): boolean {
  return address === "127.0.0.1" || address === "::1" || address === "::ffff:127.0.0.1";
}

function headerText(request: IncomingMessage, name: string): string | null {
  const value = request.headers[name];
  return typeof value === "string" ? value : null;
}
