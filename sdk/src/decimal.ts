/** Stellar amounts as whole stroops (1 = 10⁷ stroops, for USDC and XLM alike). Floats nowhere. */

const STELLAR_DECIMALS = 7;
const PLAIN_DECIMAL = /^(\d{1,12})(?:\.(\d{1,7}))?$/;

/** Stroops of a plain decimal: "10.5" is 105_000_000n. Null when it is not plain or has over 7 decimals. */
export function parseStroops(text: string): bigint | null {
  const match = PLAIN_DECIMAL.exec(text);
  if (match === null) return null;
  return BigInt((match[1] ?? "0") + (match[2] ?? "").padEnd(STELLAR_DECIMALS, "0"));
}

/** Shortest decimal text with at least two fraction digits: 105_000_000n is "10.50". */
export function formatStroops(stroops: bigint): string {
  const digits = stroops.toString().padStart(STELLAR_DECIMALS + 1, "0");
  const whole = digits.slice(0, -STELLAR_DECIMALS);
  const fraction = digits.slice(-STELLAR_DECIMALS).replace(/0{1,5}$/, "");
  return `${whole}.${fraction}`;
}
