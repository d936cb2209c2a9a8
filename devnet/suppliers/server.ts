import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { problem, send, type Answer } from "./answer.ts";
import type { ControlRequest } from "./control.ts";

/** One request, its body read. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came; "" for none. */
  readonly text: string;
}

interface ServerParts {
  /** 0 picks a free one. */
  readonly port: number;
  control(request: ControlRequest): Answer;
  answer(request: HttpRequest): Promise<Answer>;
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
  const text = await readText(request);
  if (text === null) return problem("body_too_large", `At most ${MAX_BODY_BYTES} bytes.`);
  const { method = "GET", headers } = request;
  const path = url.pathname;
  if (!path.startsWith("/__sim/"))
    return parts.answer({ method, path, query: url.searchParams, headers, text });

  if (!isLoopback(request.socket.remoteAddress)) return problem("forbidden", "Loopback only.");
  // A web page can post to a loopback port; it cannot do so without an Origin.
  if (headers.origin !== undefined) return problem("forbidden", "Not from a web page.");
  const body = parseBody(text);
  return body === null ? notJson() : parts.control({ method, path, body: body.json });
}

const MAX_BODY_BYTES = 64 * 1024;

/** Null when it is too long. */
async function readText(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? null : Buffer.concat(chunks).toString("utf8");
}

/** Undefined JSON for no body; null when the text is not JSON. */
export function parseBody(text: string): { readonly json: unknown } | null {
  if (text === "") return { json: undefined };
  try {
    return { json: JSON.parse(text) as unknown };
  } catch {
    return null;
  }
}

export function notJson(): Answer {
  return problem("invalid_request", "The body is not JSON.");
}

/** Compares in constant time. */
export function isSameSecret(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function isLoopback(address: string | undefined): boolean {
  return address === "127.0.0.1" || address === "::1" || address === "::ffff:127.0.0.1";
}
