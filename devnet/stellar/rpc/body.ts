import type { IncomingMessage } from "node:http";

/** As stellar-rpc by default. */
const MAX_BODY_BYTES = 512 * 1024;

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
