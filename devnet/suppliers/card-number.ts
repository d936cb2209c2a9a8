import { decimalDigits, type Labels } from "./random.ts";

/** Issuer prefixes that card networks set aside for tests; no terminal routes them. */
const testPrefixes = ["400000", "424242"] as const;

/** A 16-digit number with a test prefix and a valid check digit. */
export function testCardNumber(...labels: Labels): string {
  const pick = Number(decimalDigits(1, ...labels, "prefix")) % testPrefixes.length;
  const body = `${testPrefixes[pick] ?? testPrefixes[0]}${decimalDigits(9, ...labels, "number")}`;
  return `${body}${checkDigit(body)}`;
}

/** The digit that makes `body` plus it pass the Luhn test (ISO/IEC 7812-1, annex B). */
export function checkDigit(body: string): number {
  const sum = Array.from(body)
    .toReversed()
    .reduce((total, digit, index) => {
      const doubled = Number(digit) * (index % 2 === 0 ? 2 : 1);
      return total + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
  return (10 - (sum % 10)) % 10;
}
