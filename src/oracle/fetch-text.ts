import { done, failed, type Outcome } from "../outcome.ts";

/** One look at something public. Nothing it does changes anything, so a failure is always plain `failed`. */
export interface Look {
  readonly url: string;
  /** Sent as JSON by POST; null is a GET. */
  readonly body: string | null;
  readonly timeoutMs: number;
}

/** Prices are a few hundred bytes. */
const MAX_BYTES = 256 * 1024;

/** The text of an answer with status 2xx. Redirects are followed by nobody: a price comes from whom it was asked. */
export async function fetchText(look: Look, signal: AbortSignal): Promise<Outcome<string>> {
  const where = new URL(look.url).host;
  try {
    const response = await fetch(look.url, {
      redirect: "error",
      headers: { accept: "application/json", "content-type": "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(look.timeoutMs)]),
      ...(look.body === null ? {} : { method: "POST", body: look.body }),
    });
    const text = await readBounded(response);
    if (!response.ok) return failed(`${where} answers HTTP ${response.status}`, "retry");
    return text === null ? failed(`${where} answers too much`, "retry") : done(text);
  } catch (error) {
    return failed(`${where}: ${error instanceof Error ? error.message : String(error)}`, "retry");
  }
}

/** Null when the body is larger than any price. */
async function readBounded(response: Response): Promise<string | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
