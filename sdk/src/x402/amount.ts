import { InvalidOptionError } from "../errors.ts";

/** Dollars and base units of dollar tokens. Floats nowhere. */

const PLAIN_DECIMAL = /^(\d{1,12})(?:\.(\d{1,18}))?$/;

/** Base units of a plain decimal; null when it is not plain or too fine for the token. */
export function parseAtomic(text: string, decimals: number): bigint | null {
  const [, whole = "", fraction = ""] = PLAIN_DECIMAL.exec(text) ?? [];
  if (whole === "" || fraction.length > decimals) return null;
  return BigInt(whole + fraction.padEnd(decimals, "0"));
}

/** Shortest decimal text with at least two fraction digits: 6_210_000n is "6.21". */
export function formatAtomic(atomic: bigint, decimals: number): string {
  const digits = atomic.toString().padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return `${whole}.${fraction.padEnd(2, "0")}`;
}

/** @throws InvalidOptionError */
export function checkMaxUsd(maxUsd: string | undefined): string {
  if (typeof maxUsd === "string" && parseAtomic(maxUsd, 6) !== null) return maxUsd;
  throw new InvalidOptionError(
    "maxUsd is not a plain decimal text.",
    'pass the most that this purchase may cost, such as "10.00".',
  );
}
