import type { Clock } from "../../clock.ts";
import { failed, type Failed, type Outcome } from "../../outcome.ts";
import { fieldsOf, MalformedAnswer, textIn, type Fields } from "./answer.ts";

/**
 * JSON-RPC over several servers of one network. The stock client hides whether a request left, decodes whole
 * ledgers where a number is wanted and refuses a page for one odd event, so this one is ours.
 */

/** What one server made of one call. `reason` names the server by its host, never by its full address. */
export type Answer =
  | { readonly kind: "result"; readonly result: Fields }
  | { readonly kind: "error"; readonly code: number; readonly reason: string }
  | {
      readonly kind: "silent";
      readonly mayHaveArrived: boolean;
      readonly reason: string;
      /** It answers, but for another network. */
      readonly isForeign?: true;
    };

export interface Endpoint {
  /** Host and port; a path or query may hold a key. */
  readonly name: string;
  call(method: string, params: object, signal?: AbortSignal): Promise<Answer>;
}

export interface Rpc {
  /** Every server: those that lag behind, then those that just failed, come last; else as configured. */
  endpoints(): readonly Endpoint[];
  /** The first usable answer of any server. `parse` throws on a malformed one; the next server is asked then. */
  read<Value>(
    method: string,
    params: object,
    parse: (result: Fields) => Value,
    signal?: AbortSignal,
  ): Promise<Outcome<Value>>;
}

export interface RpcOptions {
  readonly urls: readonly string[];
  /** A server of another network is never believed. */
  readonly passphrase: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Told when a server begins to fail, with the reason, and with null when it answers again. */
  readonly onHealth?: (server: string, reason: string | null) => void;
}

/** A page of 10,000 events is about 10 MB. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;
const COOLING_MS = 10_000;
/** A minute of 5 s ledgers. */
const MAX_LAG_LEDGERS = 12;
/** After this long a server that lagged gets another chance. */
const LAG_MEMORY_MS = 60_000;

export function createRpc(options: RpcOptions): Rpc {
  const servers = options.urls.map((url) => openServer(url, options));
  const endpoints = (): readonly Endpoint[] => {
    const now = options.clock.now();
    const newest = Math.max(...servers.map((server) => server.knownLedger(now)));
    const rank = (server: Server): number => {
      if (server.coolsUntilMs() > now) return 2;
      const known = server.knownLedger(now);
      return known > 0 && newest - known > MAX_LAG_LEDGERS ? 1 : 0;
    };
    return servers.toSorted((a, b) => rank(a) - rank(b));
  };
  return {
    endpoints,
    async read(method, params, parse, signal) {
      let last: Failed = failed("no RPC server is configured", "retry");
      for (const endpoint of endpoints()) {
        const read = parsed(await endpoint.call(method, params, signal), endpoint, parse);
        if (read.kind === "done") return read;
        last = read;
        if (signal?.aborted === true) break;
      }
      return last;
    },
  };
}

/** An answer to a call that changes nothing: either usable or to be asked again. */
export function parsed<Value>(
  answer: Answer,
  endpoint: Endpoint,
  parse: (result: Fields) => Value,
): { readonly kind: "done"; readonly value: Value } | Failed {
  if (answer.kind !== "result") return failed(answer.reason, "retry");
  try {
    return { kind: "done", value: parse(answer.result) };
  } catch (error) {
    // Anything a server can make the decoder throw is the server's fault.
    return failed(`${endpoint.name}: ${messageOf(error)}`, "retry");
  }
}

interface Server extends Endpoint {
  coolsUntilMs(): number;
  /** Newest ledger it has lately told of; 0 when not known. */
  knownLedger(nowMs: number): number;
}

function openServer(url: string, options: RpcOptions): Server {
  const name = new URL(url).host;
  let coolsUntilMs = 0;
  let isOfOurNetwork = false;
  let told = { ledger: 0, atMs: 0 };
  const call = async (method: string, params: object, signal?: AbortSignal): Promise<Answer> => {
    const answer = await post({ url, name, method, params }, options.timeoutMs, signal);
    const reason = answer.kind === "silent" && signal?.aborted !== true ? answer.reason : null;
    if ((reason === null) !== (coolsUntilMs === 0)) options.onHealth?.(name, reason);
    coolsUntilMs = reason === null ? 0 : options.clock.now() + COOLING_MS;
    const ledger = answer.kind === "result" ? answer.result["latestLedger"] : null;
    if (typeof ledger === "number") told = { ledger, atMs: options.clock.now() };
    return answer;
  };
  return {
    name,
    coolsUntilMs: () => coolsUntilMs,
    knownLedger: (nowMs) => (nowMs - told.atMs < LAG_MEMORY_MS ? told.ledger : 0),
    async call(method, params, signal) {
      if (!isOfOurNetwork) {
        const network = await call("getNetwork", {}, signal);
        if (network.kind === "silent") return { ...network, mayHaveArrived: false };
        if (network.kind === "error") return { ...network, kind: "silent", mayHaveArrived: false };
        if (network.result["passphrase"] !== options.passphrase) {
          const reason = `${name} serves another network than the configured one`;
          return { kind: "silent", mayHaveArrived: false, reason, isForeign: true };
        }
        isOfOurNetwork = true;
      }
      return call(method, params, signal);
    },
  };
}

interface Request {
  readonly url: string;
  readonly name: string;
  readonly method: string;
  readonly params: object;
}

async function post(request: Request, timeoutMs: number, signal?: AbortSignal): Promise<Answer> {
  const { url, name, method, params } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  const ends = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
  let response: Response;
  try {
    response = await fetch(url, {
      method: "POST",
      redirect: "error",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
      signal: ends,
    });
  } catch (error) {
    const what = timeout.aborted ? `no answer within ${timeoutMs} ms` : messageOf(error);
    return silent(`${name} ${method}: ${what}`, !neverLeft(error));
  }
  try {
    const text = await readBounded(response);
    if (!response.ok) {
      // 4xx: turned away at the door. 5xx: a gateway may have passed it on before it gave up.
      return silent(`${name} ${method}: HTTP ${response.status}`, response.status >= 500);
    }
    return interpret(fieldsOf(JSON.parse(text), "answer"), `${name} ${method}`);
  } catch (error) {
    return silent(`${name} ${method}: ${messageOf(error)}`, true);
  }
}

function interpret(body: Fields, where: string): Answer {
  if (body["error"] !== undefined && body["error"] !== null) {
    const error = fieldsOf(body["error"], "error");
    const code = typeof error["code"] === "number" ? error["code"] : 0;
    return { kind: "error", code, reason: `${where}: ${textIn(error, "message").slice(0, 300)}` };
  }
  return { kind: "result", result: fieldsOf(body["result"], "result") };
}

function silent(reason: string, mayHaveArrived: boolean): Answer {
  return { kind: "silent", mayHaveArrived, reason };
}

async function readBounded(response: Response): Promise<string> {
  if (response.body === null) return "";
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new MalformedAnswer("the answer is too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const NO_CONNECTION = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** True when no connection was made, so that nothing can have arrived. */
function neverLeft(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code =
    typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" && NO_CONNECTION.has(code);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`;
}
