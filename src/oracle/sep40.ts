import { Account, Operation, TransactionBuilder, xdr } from "@stellar/stellar-sdk/base";
import { done, failed, type Outcome } from "../outcome.ts";
import { fetchText } from "./fetch-text.ts";
import { parseJsonText, pointTo } from "./json-text.ts";
import type { PriceReading, PriceSource } from "./oracle.ts";

/** A price oracle contract (SEP-40) on a Stellar network, read by simulation: no account, no fee. */
export interface Sep40Feed {
  /** Tried in turn. */
  readonly rpcUrls: readonly string[];
  readonly contractId: string;
  /** The ticker by which the oracle knows the asset: `Other("XLM")`. */
  readonly symbol: string;
}

const TIMEOUT_MS = 5_000;
const USD_DECIMALS = 6n;
/** Prices in anything else would be taken for dollars. */
const DOLLAR_BASES = new Set(["USD", "USDC"]);
const MAX_DECIMALS = 38;
/** A simulation needs the name of a source account, not the account: the one whose key is all zeros. */
const NOBODY = "GAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAWHF";

export function sep40Price(feed: Sep40Feed): PriceSource {
  let decimals: bigint | null = null;
  return {
    id: `sep40:${feed.contractId.slice(0, 8)}`,
    async read(signal) {
      // Neither ever changes in a deployed oracle.
      decimals ??= await readDecimals(feed, signal);
      if (decimals === null) {
        return failed(`the oracle ${feed.contractId} does not tell prices in dollars`, "retry");
      }
      const value = await call(feed, "lastprice", [otherAsset(feed.symbol)], signal);
      return value.kind === "done" ? readingOf(value.value, decimals, feed) : value;
    },
  };
}

/** Null when it cannot be read or the base is no dollar. */
async function readDecimals(feed: Sep40Feed, signal: AbortSignal): Promise<bigint | null> {
  const base = await call(feed, "base", [], signal);
  if (base.kind !== "done" || !DOLLAR_BASES.has(tickerOf(base.value))) return null;
  const decimals = await call(feed, "decimals", [], signal);
  if (decimals.kind !== "done" || decimals.value.type !== "scvU32") return null;
  return decimals.value.u32 <= MAX_DECIMALS ? BigInt(decimals.value.u32) : null;
}

/** `Asset::Other(Symbol)` of SEP-40: a vector of the variant's name and its value. */
function otherAsset(symbol: string): xdr.ScVal {
  return xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Other"), xdr.ScVal.scvSymbol(symbol)]);
}

/** The ticker in `Asset::Other(…)`, else "". */
function tickerOf(value: xdr.ScVal): string {
  const [variant, ticker] = value.type === "scvVec" ? (value.vec ?? []) : [];
  const isOther = variant?.type === "scvSymbol" && variant.sym.toString() === "Other";
  return isOther && ticker?.type === "scvSymbol" ? ticker.sym.toString() : "";
}

/** `Option<PriceData { price: i128, timestamp: u64 }>`; the timestamp is in seconds. */
function readingOf(value: xdr.ScVal, decimals: bigint, feed: Sep40Feed): Outcome<PriceReading> {
  if (value.type === "scvVoid") return failed(`the oracle has no price of ${feed.symbol}`, "retry");
  const price = memberOf(value, "price");
  const timestamp = memberOf(value, "timestamp");
  if (price?.type !== "scvI128" || timestamp?.type !== "scvU64") {
    return failed("the oracle's answer is not SEP-40 price data", "retry");
  }
  const raw = (price.i128.hi << 64n) | price.i128.lo;
  if (raw <= 0n) return failed("the oracle's price is not positive", "retry");
  return done({
    usdMicroPerUnit: (raw * 10n ** USD_DECIMALS) / 10n ** decimals,
    atMs: Number(timestamp.u64) * 1000,
  });
}

function memberOf(value: xdr.ScVal, name: string): xdr.ScVal | undefined {
  const members = value.type === "scvMap" ? (value.map ?? []) : [];
  return members.find(({ key }) => key.type === "scvSymbol" && key.sym.toString() === name)?.val;
}

async function call(
  feed: Sep40Feed,
  name: string,
  args: xdr.ScVal[],
  signal: AbortSignal,
): Promise<Outcome<xdr.ScVal>> {
  const transaction = new TransactionBuilder(new Account(NOBODY, "0"), {
    fee: "100",
    // It goes into signatures only, and nobody signs a simulation.
    // Goes into signatures only, and a simulation has none; the library refuses an empty one.
    networkPassphrase: "none",
    timebounds: { minTime: 0, maxTime: 0 },
  })
    .addOperation(
      Operation.invokeContractFunction({ contract: feed.contractId, function: name, args }),
    )
    .build()
    .toXdr();
  const method = "simulateTransaction";
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params: { transaction } });
  let last: Outcome<xdr.ScVal> = failed("no RPC server is configured for the oracle", "retry");
  for (const url of feed.rpcUrls) {
    const text = await fetchText({ url, body, timeoutMs: TIMEOUT_MS }, signal);
    last = text.kind === "done" ? resultOf(text.value, name) : text;
    if (last.kind === "done") return last;
  }
  return last;
}

function resultOf(text: string, name: string): Outcome<xdr.ScVal> {
  const answer = parseJsonText(text);
  const result = pointTo(answer, "/result/results/0/xdr");
  if (typeof result !== "string") {
    const error = pointTo(answer, "/result/error") ?? pointTo(answer, "/error/message");
    const why = typeof error === "string" ? error.slice(0, 200) : "no result";
    return failed(`the oracle's ${name} cannot be simulated: ${why}`, "retry");
  }
  try {
    return done(xdr.ScVal.fromXdr(result, "base64"));
  } catch (error) {
    return failed(`the oracle's ${name} answers with no value: ${String(error)}`, "retry");
  }
}
