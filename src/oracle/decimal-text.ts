const DECIMAL = /^(\d{1,40})(?:\.(\d{1,60}))?(?:[eE]([+-]?\d{1,2}))?$/;

/**
 * Base units of a positive decimal as servers write it ("0.0912", "9.12e-2"), rounded down; null when the text
 * is none. Unlike amounts, prices may have more digits than are kept.
 */
export function floorDecimal(text: string, decimals: number): bigint | null {
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const fraction = match[2] ?? "";
  const digits = BigInt((match[1] ?? "0") + fraction);
  const shift = decimals - fraction.length + Number(match[3] ?? "0");
  return shift >= 0 ? digits * 10n ** BigInt(shift) : digits / 10n ** BigInt(-shift);
}
