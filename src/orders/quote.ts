import { mulDivCeil, type Amount, type Asset } from "../money.ts";
import type { Quote, QuoteLeg } from "./order.ts";

/** How an asset is priced: as a dollar, or by a rate that moves. */
export type Pricing =
  | { readonly kind: "dollar" }
  | {
      readonly kind: "rate";
      /** USD per whole unit, 6 decimals; null with the reason when there is no price to trust. */
      readonly usdMicroPerUnit: bigint | null;
      readonly reason: string | null;
    };

export interface QuotedAsset {
  readonly asset: Asset;
  readonly pricing: Pricing;
}

export interface QuoteTerms {
  readonly windowMs: number;
  /** How long a moving price holds; shorter than the window, since it is a free option for the payer. */
  readonly volatileMs: number;
  /** Added to moving prices, parts per 10,000. */
  readonly spreadBps: bigint;
}

const BPS = 10_000n;
const USD_DECIMALS = 6n;

/** The price in every asset that has one; what has none is listed with its reason. Rounded up. */
export function quoteOrder(
  priceUsdMicro: bigint,
  assets: readonly QuotedAsset[],
  terms: QuoteTerms,
  nowMs: number,
): Quote {
  const legs: QuoteLeg[] = [];
  const missing: { symbol: string; reason: string }[] = [];
  for (const { asset, pricing } of assets) {
    const leg = { assetId: asset.id, symbol: asset.symbol, decimals: asset.decimals };
    if (pricing.kind === "dollar") {
      const atomic = mulDivCeil(priceUsdMicro, 10n ** BigInt(asset.decimals), 10n ** USD_DECIMALS);
      const expiresAtMs = nowMs + terms.windowMs;
      legs.push({ ...leg, atomic: atomic.toString(), expiresAtMs, rateUsdMicro: null });
      continue;
    }
    const rate = pricing.usdMicroPerUnit;
    if (rate === null || rate <= 0n) {
      missing.push({ symbol: asset.symbol, reason: pricing.reason ?? "price_unavailable" });
      continue;
    }
    const unit = 10n ** BigInt(asset.decimals);
    const atomic = mulDivCeil(priceUsdMicro * unit, BPS + terms.spreadBps, rate * BPS);
    const expiresAtMs = nowMs + Math.min(terms.volatileMs, terms.windowMs);
    legs.push({ ...leg, atomic: atomic.toString(), expiresAtMs, rateUsdMicro: rate.toString() });
  }
  return { legs, missing };
}

/** The leg's amount with its asset, as a rail's instructions need it. */
export function legAmount(leg: QuoteLeg): Amount {
  const { assetId: id, symbol, decimals } = leg;
  return { asset: { id, symbol, decimals }, atomic: BigInt(leg.atomic) };
}
