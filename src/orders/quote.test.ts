import fc from "fast-check";
import { expect, test } from "vitest";
import type { Asset } from "../money.ts";
import { legAmount, quoteOrder, type QuotedAsset, type QuoteTerms } from "./quote.ts";

const usdc: Asset = { id: "stellar:testnet/asset:USDC-G", symbol: "USDC", decimals: 7 };
const xlm: Asset = { id: "stellar:testnet/slip44:148", symbol: "XLM", decimals: 7 };
const terms: QuoteTerms = { windowMs: 7_200_000, volatileMs: 600_000, spreadBps: 100n };
const NOW_MS = 1_000;
const TEN_DOLLARS = 10_000_000n;

function rate(usdMicroPerUnit: bigint | null, reason: string | null = null): QuotedAsset {
  return { asset: xlm, pricing: { kind: "rate", usdMicroPerUnit, reason } };
}

test("ten dollars are ten of a dollar asset until the window ends", () => {
  const quote = quoteOrder(
    TEN_DOLLARS,
    [{ asset: usdc, pricing: { kind: "dollar" } }],
    terms,
    NOW_MS,
  );
  expect(quote).toEqual({
    legs: [
      {
        assetId: usdc.id,
        symbol: "USDC",
        decimals: 7,
        atomic: "100000000",
        expiresAtMs: NOW_MS + terms.windowMs,
        rateUsdMicro: null,
      },
    ],
    missing: [],
  });
});

test("a moving price carries the spread and ends before the window", () => {
  const { legs } = quoteOrder(TEN_DOLLARS, [rate(155_000n)], terms, NOW_MS);
  // 10 USD at 0.155 are 64.516129… XLM; with 1 % on top 65.16129032…, rounded up.
  expect(legs).toMatchObject([
    { atomic: "651612904", rateUsdMicro: "155000", expiresAtMs: NOW_MS + terms.volatileMs },
  ]);
});

test("a volatile quote never outlives a shorter window", () => {
  const { legs } = quoteOrder(
    TEN_DOLLARS,
    [rate(155_000n)],
    { ...terms, windowMs: 60_000 },
    NOW_MS,
  );
  expect(legs).toMatchObject([{ expiresAtMs: NOW_MS + 60_000 }]);
});

test.each([
  ["no price", rate(null, "every source is stale"), "every source is stale"],
  ["no price and no reason", rate(null), "price_unavailable"],
  ["a price of nothing", rate(0n), "price_unavailable"],
])("an asset with %s is left out and named with the reason", (_name, asset, reason) => {
  const dollar: QuotedAsset = { asset: usdc, pricing: { kind: "dollar" } };
  const quote = quoteOrder(TEN_DOLLARS, [dollar, asset], terms, NOW_MS);
  expect(quote.legs.map(({ symbol }) => symbol)).toEqual(["USDC"]);
  expect(quote.missing).toEqual([{ symbol: "XLM", reason }]);
});

const price = fc.bigInt({ min: 10_000n, max: 10_000_000_000n });
const marketRate = fc.bigInt({ min: 1_000n, max: 10n ** 12n });
const decimals = fc.integer({ min: 6, max: 18 });
const spreadBps = fc.bigInt({ min: 0n, max: 5_000n });

test("what is asked for in a moving asset is worth the price at the market, with the spread on top", () => {
  fc.assert(
    fc.property(price, marketRate, decimals, spreadBps, (usdMicro, market, places, spread) => {
      const asset: QuotedAsset = {
        asset: { ...xlm, decimals: places },
        pricing: { kind: "rate", usdMicroPerUnit: market, reason: null },
      };
      const { legs } = quoteOrder(usdMicro, [asset], { ...terms, spreadBps: spread }, NOW_MS);
      const [leg] = legs;
      const worth = BigInt(leg?.atomic ?? 0) * market;
      const owed = usdMicro * 10n ** BigInt(places);
      expect(worth * 10_000n >= owed * (10_000n + spread)).toBe(true);
    }),
  );
});

test("a dollar asset is never asked for short, nor a base unit too much", () => {
  fc.assert(
    fc.property(price, fc.integer({ min: 0, max: 18 }), (usdMicro, places) => {
      const asset: QuotedAsset = {
        asset: { ...usdc, decimals: places },
        pricing: { kind: "dollar" },
      };
      const [leg] = quoteOrder(usdMicro, [asset], terms, NOW_MS).legs;
      const asked = BigInt(leg?.atomic ?? 0) * 10n ** 6n;
      const owed = usdMicro * 10n ** BigInt(places);
      expect(asked >= owed && asked - 10n ** 6n < owed).toBe(true);
    }),
  );
});

test("a leg is read back as the amount that a rail is given", () => {
  const [leg] = quoteOrder(TEN_DOLLARS, [rate(155_000n)], terms, NOW_MS).legs;
  expect(leg && legAmount(leg)).toEqual({ asset: xlm, atomic: 651_612_904n });
});
