/** Money as whole base units. Decimal text exists only at the edges; floats nowhere. */

/** `id` is CAIP-19 ("stellar:pubnet/asset:USDC-GA5Z…"), so the same symbol on two chains never compares equal. */
export interface Asset {
  readonly id: string;
  readonly symbol: string;
  readonly decimals: number;
}

/** An amount of one asset in its smallest unit: 2_500_000n of a 6-decimal USDC is 2.5 USDC. */
export interface Amount {
  readonly asset: Asset;
  readonly atomic: bigint;
}

/** What prices are in: US dollars with six decimals, 1.00 USD = 1_000_000n ("usdMicro" in names). */
export const USD: Asset = { id: "iso4217:USD", symbol: "USD", decimals: 6 };

const DECIMAL = /^(\d{1,30})(?:\.(\d{1,30}))?$/;

/**
 * Base units of a plain decimal ("10.5" with 7 decimals is 105_000_000n), or null when the text is not a
 * plain non-negative decimal of at most 30 digits on either side, or has more fraction digits than the asset
 * (trailing zeros are allowed).
 */
export function parseDecimal(text: string, decimals: number): bigint | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const fraction = (match[2] ?? "").replace(/0+$/, "");
  if (fraction.length > decimals) return null;
  return BigInt((match[1] ?? "0") + fraction.padEnd(decimals, "0"));
}

/**
 * Plain decimal text of base units. `minFractionDigits` pads with zeros ("10.00"); further digits appear
 * only when they are not zero, and nothing is ever rounded.
 */
export function formatDecimal(atomic: bigint, decimals: number, minFractionDigits = 0): string {
  const sign = atomic < 0n ? "-" : "";
  const digits = (atomic < 0n ? -atomic : atomic).toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits
    .slice(digits.length - decimals)
    .replace(/0+$/, "")
    .padEnd(minFractionDigits, "0");
  return fraction === "" ? sign + whole : `${sign}${whole}.${fraction}`;
}

/** Decimal text of an amount with its symbol, for people: "10.00 USDC". */
export function formatAmount(amount: Amount, minFractionDigits = 2): string {
  return `${formatDecimal(amount.atomic, amount.asset.decimals, minFractionDigits)} ${amount.asset.symbol}`;
}

/**
 * a × b ÷ c of numbers that are not negative, rounded up: what the payer owes is never short by a fraction of
 * a base unit.
 */
export function mulDivCeil(a: bigint, b: bigint, c: bigint): bigint {
  const product = a * b;
  return product / c + (product % c === 0n ? 0n : 1n);
}
