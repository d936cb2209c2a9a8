/** Prices as the settings want them: the sources of XLM behind one board. */
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Asset } from "../money.ts";
import { startPriceBoard } from "./board.ts";
import { httpPrice, parseFeed } from "./http.ts";
import type { PriceSource } from "./oracle.ts";
import { sep40Price } from "./sep40.ts";

export interface PriceSettings {
  /** SEP-40 contract on the Stellar rail's network; null is none. */
  readonly sep40Contract: string | null;
  /** Known feeds by name, or addresses as `parseFeed` reads them. */
  readonly feeds: readonly string[];
  readonly refreshMs: number;
  readonly staleMs: number;
  readonly minSources: number;
}

/** Symbols of the assets that count as dollars. */
export const DOLLARS: ReadonlySet<string> = new Set(["USDC", "USDT"]);

/** How an asset is priced: USDC and USDT count as a dollar, anything else by a rate that may be missing. */
export type PricedAs =
  | { readonly kind: "dollar" }
  | {
      readonly kind: "rate";
      /** USD per whole unit, 6 decimals; null with the reason when there is no price to trust. */
      readonly usdMicroPerUnit: bigint | null;
      readonly reason: string | null;
    };

export interface Prices {
  pricing: (asset: Asset, nowMs: number) => PricedAs;
  /** Asks every source once; never rejects. */
  refresh: () => Promise<void>;
  stop: () => Promise<void>;
}

/** Sources may lie this far from their median; exchanges differ by tenths of a percent. */
const MAX_DEVIATION_BPS = 300;

/** Sentences about what is wrong with the settings; empty when nothing is. */
export function priceProblems(settings: Pick<PriceSettings, "feeds">): readonly string[] {
  return settings.feeds
    .filter((feed) => parseFeed(feed, "XLM") === null)
    .map((feed) => `"${feed}" is neither a known price feed nor an address with a JSON pointer`);
}

/** The part of the server's settings that prices depend on. */
export interface PriceConfig {
  readonly prices: PriceSettings;
  /** RPC servers of the network that carries the SEP-40 contract. */
  readonly stellar: { readonly rpcUrls: readonly string[] | null };
}

/** Begins to read prices at once, in the background. Settings with problems lack the sources concerned. */
export function openPriceBoard(
  { prices, stellar }: PriceConfig,
  context: { readonly clock: Clock; readonly log: Log },
): Prices {
  const { sep40Contract: contractId, feeds, staleMs: maxAgeMs, minSources } = prices;
  const xlm: PriceSource[] = feeds.flatMap((text) => {
    const feed = parseFeed(text, "XLM");
    return feed === null ? [] : [httpPrice(feed, context.clock)];
  });
  if (contractId !== null) {
    xlm.push(sep40Price({ rpcUrls: stellar.rpcUrls ?? [], contractId, symbol: "XLM" }));
  }
  const board = startPriceBoard({
    sources: new Map([["XLM", xlm]]),
    rules: { maxAgeMs, minSources, maxDeviationBps: MAX_DEVIATION_BPS },
    refreshMs: prices.refreshMs,
    ...context,
  });
  return {
    pricing(asset, nowMs) {
      if (DOLLARS.has(asset.symbol)) return { kind: "dollar" };
      const price = board.current(asset.symbol, nowMs);
      return price.kind === "price"
        ? { kind: "rate", usdMicroPerUnit: price.usdMicroPerUnit, reason: null }
        : { kind: "rate", usdMicroPerUnit: null, reason: price.reason };
    },
    refresh: () => board.refresh(),
    stop: () => board.stop(),
  };
}
