import { createPublicClient, defineChain, http } from "viem";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import { type CallFailure, failureOf } from "./rpc-error.ts";
import type { EvmConfig } from "./settings.ts";

/** What one server made of the calls. `reason` names the server by its host. */
export type Answer<Value> =
  | { readonly kind: "result"; readonly value: Value }
  | CallFailure
  /** It answers, but for another chain. */
  | { readonly kind: "foreign"; readonly reason: string };

/** viem's client of one server, without retries of its own. Calls made in one go leave as one batch. */
export type ServerClient = ReturnType<typeof openServerClient>;

/** Calls to make at one server. What they throw becomes an `Answer`. */
export type Calls<Value> = (client: ServerClient) => Promise<Value>;

export interface Endpoint {
  /** Host and port; the rest of the address may hold a key. */
  readonly name: string;
  /** Never rejects. */
  ask<Value>(calls: Calls<Value>, signal?: AbortSignal): Promise<Answer<Value>>;
}

/** JSON-RPC over several servers of one chain. */
export interface EvmClient {
  readonly chainId: number;
  /** Every server, those that just failed last; else as configured. */
  endpoints(): readonly Endpoint[];
  /**
   * The first usable answer of any server. `failed` for good only when a contract turned the call down; else
   * worth repeating. For calls that change nothing.
   */
  read<Value>(calls: Calls<Value>, signal?: AbortSignal): Promise<Outcome<Value>>;
}

export interface EvmClientOptions {
  readonly chainId: number;
  readonly urls: readonly string[];
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Told when a server begins to fail, with the reason, and with null when it answers again. */
  readonly onHealth?: (server: string, reason: string | null) => void;
}

/** The client of a configured chain. Opens no connection. */
export function openClient(
  config: Pick<EvmConfig, "chainId" | "rpcUrls" | "tuning">,
  clock: Clock,
  onHealth?: EvmClientOptions["onHealth"],
): EvmClient {
  const { chainId, rpcUrls: urls, tuning } = config;
  const timeoutMs = tuning.callTimeoutMs;
  return createClient({
    chainId,
    urls,
    timeoutMs,
    clock,
    ...(onHealth !== undefined && { onHealth }),
  });
}

const COOLING_MS = 10_000;
/** Many servers take no more in one batch. */
const BATCH_CALLS = 50;

export function createClient(options: EvmClientOptions): EvmClient {
  const servers = options.urls.map((url) => openServer(url, options));
  const endpoints = (): readonly Endpoint[] => {
    const now = options.clock.now();
    const rank = (server: Server): number => (server.coolsUntilMs() > now ? 1 : 0);
    return servers.toSorted((a, b) => rank(a) - rank(b));
  };
  return {
    chainId: options.chainId,
    endpoints,
    async read(calls, signal) {
      let reason = "no RPC server is configured";
      for (const endpoint of endpoints()) {
        const answer = await endpoint.ask(calls, signal);
        if (answer.kind === "result") return done(answer.value);
        reason = answer.reason;
        if (answer.kind === "error" && answer.revertData !== null) return failed(reason, "final");
        if (signal?.aborted === true) break;
      }
      return failed(reason, "retry");
    },
  };
}

interface Server extends Endpoint {
  coolsUntilMs(): number;
}

function openServer(url: string, options: EvmClientOptions): Server {
  const name = new URL(url).host;
  const client = openServerClient(url, options);
  let coolsUntilMs = 0;
  let isOfOurChain = false;

  const note = (reason: string | null): void => {
    if ((reason === null) !== (coolsUntilMs === 0)) options.onHealth?.(name, reason);
    coolsUntilMs = reason === null ? 0 : options.clock.now() + COOLING_MS;
  };

  const attempt = async <Value>(calls: Calls<Value>): Promise<Answer<Value>> => {
    try {
      return { kind: "result", value: await calls(client) };
    } catch (thrown) {
      const failure = failureOf(thrown);
      return { ...failure, reason: `${name}: ${failure.reason}` };
    }
  };

  const guarded = async <Value>(calls: Calls<Value>): Promise<Answer<Value>> => {
    if (!isOfOurChain) {
      const chain = await attempt((one) => one.request({ method: "eth_chainId" }));
      if (chain.kind === "silent") return { ...chain, mayHaveArrived: false };
      if (chain.kind !== "result")
        return { kind: "silent", mayHaveArrived: false, reason: chain.reason };
      if (Number(chain.value) !== options.chainId)
        return { kind: "foreign", reason: `${name} serves chain ${Number(chain.value)}` };
      isOfOurChain = true;
    }
    return attempt(calls);
  };

  return {
    name,
    coolsUntilMs: () => coolsUntilMs,
    async ask(calls, signal) {
      const answer = await untilAborted(guarded(calls), signal);
      if (answer === null)
        return { kind: "silent", mayHaveArrived: true, reason: `${name}: we stopped waiting` };
      note(answer.kind === "silent" || answer.kind === "foreign" ? answer.reason : null);
      return answer;
    },
  };
}

/** Null when the signal came first. The calls end by their own time limit. */
async function untilAborted<Value>(
  asked: Promise<Value>,
  signal: AbortSignal | undefined,
): Promise<Value | null> {
  if (signal === undefined) return asked;
  if (signal.aborted) return null;
  let stop = (): void => {};
  const stopped = new Promise<null>((resolve) => {
    stop = () => resolve(null);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([asked, stopped]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function openServerClient(url: string, { chainId, timeoutMs }: EvmClientOptions) {
  const chain = defineChain({
    id: chainId,
    name: `eip155:${chainId}`,
    nativeCurrency: { name: "coin", symbol: "COIN", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const batch = { batchSize: BATCH_CALLS, wait: 0 };
  const transport = http(url, { batch, retryCount: 0, timeout: timeoutMs });
  return createPublicClient({ chain, transport, cacheTime: 0 });
}
