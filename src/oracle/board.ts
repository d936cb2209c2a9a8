import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { medianPrice, type Price, type PriceRules, type SourceReading } from "./median.ts";
import type { PriceSource } from "./oracle.ts";

/** The latest prices, read in the background: asking costs no network. */
export interface PriceBoard {
  /** The price of an asset right now, or why there is none. `nowMs` as the caller's clock has it. */
  current(symbol: string, nowMs: number): Price;
  /** Asks every source once; joins a round that is under way. Never rejects. */
  refresh(): Promise<void>;
  /** Ends the background reading. */
  stop(): Promise<void>;
}

export interface PriceBoardOptions {
  /** By symbol of the asset: "XLM". */
  readonly sources: ReadonlyMap<string, readonly PriceSource[]>;
  readonly rules: PriceRules;
  readonly refreshMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Begins to read at once. A source that fails keeps its last reading until that is stale. */
export function startPriceBoard(options: PriceBoardOptions): PriceBoard {
  const { sources, rules, clock, log } = options;
  const stopping = new AbortController();
  const latest = new Map<string, Map<string, SourceReading>>();
  const failing = new Set<string>();

  const ask = async (symbol: string, source: PriceSource): Promise<void> => {
    const read = await source.read(stopping.signal);
    if (stopping.signal.aborted) return;
    const name = `${symbol} at ${source.id}`;
    if (read.kind === "done") {
      if (failing.delete(name)) log.info("a price source is back", { source: name });
      const bySource = latest.get(symbol) ?? new Map<string, SourceReading>();
      latest.set(symbol, bySource.set(source.id, { ...read.value, sourceId: source.id }));
    } else if (!failing.has(name)) {
      failing.add(name);
      log.warn("a price source fails", { source: name, reason: read.reason });
    }
  };
  const round = async (): Promise<void> => {
    const asked = [...sources].flatMap(([symbol, list]) =>
      list.map((source) => ask(symbol, source)),
    );
    await Promise.all(asked);
  };

  let running: Promise<void> | null = null;
  const refresh = (): Promise<void> => {
    running ??= round().finally(() => (running = null));
    return running;
  };
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await refresh();
      await clock.sleep(options.refreshMs, stopping.signal);
    }
  };
  const looping = loop();

  return {
    refresh,
    current(symbol, nowMs) {
      if ((sources.get(symbol) ?? []).length === 0) {
        return { kind: "none", reason: `no price source for ${symbol} is configured` };
      }
      return medianPrice([...(latest.get(symbol)?.values() ?? [])], rules, nowMs);
    },
    async stop() {
      stopping.abort();
      await looping;
    },
  };
}
