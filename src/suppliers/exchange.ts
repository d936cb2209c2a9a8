/** One HTTP request to a supplier, JSON in both directions. */
export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, sent byte for byte since it may be signed; absent for no body. */
  readonly body?: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** A longer answer is given up. @default 64 KiB */
  readonly maxAnswerBytes?: number;
}

/**
 * How the request ended, which is all that decides what may be done next:
 * `answered`: the whole answer is here · `unsent`: it certainly never reached the supplier · `lost`: it may
 * have, and the answer is not here. Reasons are ours and hold nothing of the request or the answer.
 */
export type Exchange =
  | {
      readonly kind: "answered";
      readonly status: number;
      /** Undefined when the answer is not JSON. Unchecked. */
      readonly json: unknown;
      /** Of a Retry-After header in seconds; null when there is none. */
      readonly retryAfterS: number | null;
    }
  | { readonly kind: "unsent"; readonly reason: string }
  | { readonly kind: "lost"; readonly reason: string };

/** The answers of a supplier are a few hundred bytes; more is a fault, or an attack on our memory. */
const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * Carries out one request: never repeats it, never follows a redirect (the key would go to another host),
 * reads no more than it was told to. Does not throw.
 */
export async function exchange(call: HttpCall): Promise<Exchange> {
  if (call.signal.aborted) return { kind: "unsent", reason: "given up before it was sent" };
  try {
    const response = await fetch(call.url, {
      method: call.method,
      headers: { accept: "application/json", "content-type": "application/json", ...call.headers },
      body: call.body ?? null,
      redirect: "manual",
      signal: AbortSignal.any([call.signal, AbortSignal.timeout(call.timeoutMs)]),
    });
    const maxBytes = call.maxAnswerBytes ?? MAX_ANSWER_BYTES;
    const text = await readText(response, maxBytes);
    if (text === null) return { kind: "lost", reason: `answered more than ${maxBytes} bytes` };
    return {
      kind: "answered",
      status: response.status,
      json: isJson(response) ? parseJson(text) : undefined,
      retryAfterS: retryAfterS(response),
    };
  } catch (error) {
    return explain(error, call.timeoutMs);
  }
}

/** The body; null when it is too long. */
async function readText(response: Response, maxBytes: number): Promise<string | null> {
  const body: AsyncIterable<Uint8Array> | null = response.body;
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    // Leaving the loop cancels the body, which closes the connection.
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function isJson(response: Response): boolean {
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  return type === "application/json" || type?.endsWith("+json") === true;
}

/** Undefined for text that is not JSON: a JSON text never is. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function retryAfterS(response: Response): number | null {
  const text = response.headers.get("retry-after") ?? "";
  return /^\d{1,6}$/.test(text) ? Number(text) : null;
}

/** Errors of making a connection: no byte of the request has left. */
const UNSENT_CODES = new Set([
  "ECONNREFUSED",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "ERR_INVALID_URL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function explain(error: unknown, timeoutMs: number): Exchange {
  const name = error instanceof Error ? error.name : "";
  if (name === "TimeoutError") return { kind: "lost", reason: `no answer within ${timeoutMs} ms` };
  if (name === "AbortError")
    return { kind: "lost", reason: "given up while waiting for the answer" };
  const codes = codesOf(error, 0);
  const reason = codes.length === 0 ? "connection broke" : `connection broke: ${codes.join(", ")}`;
  const isUnsent = codes.length > 0 && codes.every((code) => UNSENT_CODES.has(code));
  return isUnsent
    ? { kind: "unsent", reason: `no connection: ${codes.join(", ")}` }
    : { kind: "lost", reason };
}

/** Deeper than fetch nests its causes. */
const MAX_CAUSES = 4;

/** System error codes of an error, its causes and, where several addresses were tried, each of theirs. */
function codesOf(error: unknown, depth: number): readonly string[] {
  if (!(error instanceof Error) || depth > MAX_CAUSES) return [];
  if (error instanceof AggregateError && error.errors.length > 0) {
    return [...new Set(error.errors.flatMap((one: unknown) => codesOf(one, depth + 1)))];
  }
  if ("code" in error && typeof error.code === "string" && /^[A-Z0-9_]+$/.test(error.code)) {
    return [error.code];
  }
  return codesOf(error.cause, depth + 1);
}
