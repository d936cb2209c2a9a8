/** US cents as a bigint; 2_500n is 25.00 USD. */
export type Cents = bigint;

/** Cents of a decimal text such as "25", "25.5" or "25.00"; null when it is not one. */
export function parseCents(text: unknown): Cents | null {
  if (typeof text !== "string") return null;
  const match = /^(0|[1-9]\d{0,8})(?:\.(\d{1,2}))?$/.exec(text);
  if (match === null) return null;
  const [, whole = "0", fraction = ""] = match;
  return BigInt(whole) * 100n + BigInt(fraction.padEnd(2, "0"));
}

/** "25.00" for 2_500n. Amounts in this API always carry two decimals. */
export function formatCents(cents: Cents): string {
  const sign = cents < 0n ? "-" : "";
  const digits = (cents < 0n ? -cents : cents).toString().padStart(3, "0");
  return `${sign}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
