import type { IncomingMessage, Server, ServerResponse } from "node:http";

/** As stellar-rpc by default. */
const MAX_BODY_BYTES = 512 * 1024;

const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-methods": "GET, POST, OPTIONS",
  "access-control-allow-headers": "*",
  "access-control-max-age": "600",
};

/** An answer of the HTTP layer, told as JSON; a null body is none at all. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Horizon's form of an error, which friendbot clients read. */
export function problem(status: number, detail: string): HttpAnswer {
  return { status, body: { title: status === 400 ? "Bad Request" : "Error", status, detail } };
}

/** Null if it is too large; the rest is then not read. */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

export function send(response: ServerResponse, { status, body }: HttpAnswer): void {
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

export function listen(server: Server, port: number, hostname: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, hostname, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
