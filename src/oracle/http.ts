import type { Clock } from "../clock.ts";
import { done, failed, type Outcome } from "../outcome.ts";
import { floorDecimal } from "./decimal-text.ts";
import { fetchText } from "./fetch-text.ts";
import { parseJsonText, pointTo } from "./json-text.ts";
import type { PriceReading, PriceSource } from "./oracle.ts";

/** A public address that answers with JSON, and where in it the price stands. */
export interface HttpFeed {
  readonly id: string;
  readonly url: string;
  /** RFC 6901; leads to a decimal, written as text or as a number, in dollars per whole unit. */
  readonly pointer: string;
}

/**
 * Feeds that need no account, for one asset each. Tickers carry no time, so their readings are as old as the answer.
 * binance quotes in USDT, which counts as a dollar here.
 */
export const KNOWN_FEEDS: Readonly<Record<string, Readonly<Record<string, HttpFeed>>>> = {
  XLM: {
    coinbase: {
      id: "coinbase",
      url: "https://api.coinbase.com/v2/prices/XLM-USD/spot",
      pointer: "/data/amount",
    },
    kraken: {
      id: "kraken",
      url: "https://api.kraken.com/0/public/Ticker?pair=XLMUSD",
      pointer: "/result/XXLMZUSD/c/0",
    },
    binance: {
      id: "binance",
      url: "https://api.binance.com/api/v3/ticker/price?symbol=XLMUSDT",
      pointer: "/price",
    },
    bitstamp: {
      id: "bitstamp",
      url: "https://www.bitstamp.net/api/v2/ticker/xlmusd/",
      pointer: "/last",
    },
  },
};

/**
 * A feed by what an operator writes: the name of a known one, or an address with the pointer as its fragment
 * ("https://prices.example/xlm#/data/usd"). Null when it is neither.
 */
export function parseFeed(text: string, symbol: string): HttpFeed | null {
  const known = KNOWN_FEEDS[symbol];
  if (known !== undefined && Object.hasOwn(known, text)) return known[text] ?? null;
  const url = URL.parse(text);
  if (url === null || !["https:", "http:"].includes(url.protocol)) return null;
  const pointer = decodeURIComponent(url.hash.slice(1));
  if (!pointer.startsWith("/")) return null;
  url.hash = "";
  return { id: url.host, url: url.href, pointer };
}

const TIMEOUT_MS = 5_000;
const USD_DECIMALS = 6;

export function httpPrice(feed: HttpFeed, clock: Clock): PriceSource {
  return {
    id: feed.id,
    async read(signal): Promise<Outcome<PriceReading>> {
      const look = { url: feed.url, body: null, timeoutMs: TIMEOUT_MS };
      const text = await fetchText(look, signal);
      if (text.kind !== "done") return text;
      const found = pointTo(parseJsonText(text.value), feed.pointer);
      const usdMicroPerUnit = typeof found === "string" ? floorDecimal(found, USD_DECIMALS) : null;
      if (usdMicroPerUnit === null || usdMicroPerUnit <= 0n) {
        return failed(`${feed.id} has no price at ${feed.pointer}`, "retry");
      }
      return done({ usdMicroPerUnit, atMs: clock.now() });
    },
  };
}
