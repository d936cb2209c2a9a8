import { InvalidOptionError, NetworkError, BadAnswerError } from "./errors.ts";
import { childSignal } from "./runtime.ts";

/** `fetch`, or anything that behaves like it. */
export type Fetch = typeof globalThis.fetch;

const MAX_ANSWER_BYTES = 1_048_576;

/** Hosts to which plain HTTP never leaves the machine. */
function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/**
 * The address as a URL. Plain HTTP is accepted for this machine only, unless `allowInsecureHttp`: an API key or a
 * chain's answer on an open wire belongs to whoever listens.
 */
export function parseAddress(text: string, option: string, allowInsecureHttp = false): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:"))
    throw new InvalidOptionError(
      `${option} is not an http(s) address.`,
      `set ${option}, for example "https://shop.example/v1".`,
    );
  if (url.username !== "" || url.password !== "")
    throw new InvalidOptionError(
      `${option} carries a user name or password.`,
      `remove them from ${option}.`,
    );
  if (url.protocol === "http:" && !isLoopback(url.hostname) && !allowInsecureHttp)
    throw new InvalidOptionError(
      `${option} is plain HTTP.`,
      "use https, or pass allowInsecureHttp for a network that you trust.",
      { host: url.host },
    );
  return url;
}

export interface HttpRequest {
  readonly url: URL;
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; undefined when the body is not JSON. */
  readonly json: unknown;
}

/**
 * One exchange, bounded in time (`timeoutMs` covers the whole body) and size (1 MiB). Redirects are not followed: they
 * would carry the API key to another host.
 * @throws NetworkError, BadAnswerError (body too large), or the reason of an aborted `signal`.
 */
export async function exchange(fetch: Fetch, request: HttpRequest): Promise<HttpAnswer> {
  const child = childSignal(request.signal);
  const timer = setTimeout(() => child.abort(TIMED_OUT), request.timeoutMs);
  try {
    const response = await fetch(request.url, {
      method: request.method,
      headers: request.headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: "manual",
      signal: child.signal,
    });
    const text = await readBounded(response);
    return { status: response.status, headers: response.headers, json: parseJson(text) };
  } catch (cause) {
    if (request.signal?.aborted === true) throw request.signal.reason;
    if (cause instanceof BadAnswerError) throw cause;
    throw networkError(request.url, child.signal.reason === TIMED_OUT, cause);
  } finally {
    clearTimeout(timer);
    child.release();
  }
}

const TIMED_OUT = Symbol("timed out");

function networkError(url: URL, timedOut: boolean, cause: unknown): NetworkError {
  return timedOut
    ? new NetworkError("The other side did not answer in time.", {
        code: "timeout",
        host: url.host,
      })
    : new NetworkError("The connection failed.", { code: "network_error", host: url.host, cause });
}

async function readBounded(response: Response): Promise<string> {
  if (response.body === null) return "";
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      // The answer is already refused; a failing cancel changes nothing.
      void reader.cancel().catch(() => undefined);
      throw new BadAnswerError("it is larger than 1 MiB", { status: response.status });
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON is a fact about the answer; who asked decides what it means.
    return undefined;
  }
}

const MAX_RETRY_AFTER_S = 86_400;

/** Seconds of a `Retry-After` header in either form (RFC 9110 §10.2.3), at most a day; null when absent or unusable. */
export function parseRetryAfterS(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  const text = header.trim();
  if (/^\d{1,9}$/.test(text)) return Math.min(Number(text), MAX_RETRY_AFTER_S);
  const atMs = Date.parse(text);
  if (Number.isNaN(atMs)) return null;
  return Math.min(Math.max(0, Math.ceil((atMs - nowMs) / 1000)), MAX_RETRY_AFTER_S);
}
