import { createHash } from "node:crypto";

/** What a random draw is for, the seed first: `["demo", "latency", "issue", "order-1"]`. */
export type Labels = readonly [seed: string, ...rest: (string | number)[]];

/**
 * A number in [0, 1) that depends on its labels alone. A stream of numbers would hand them out in
 * the order of arrival, and requests that race would change the run; labelled draws replay exactly.
 */
export function uniform(...labels: Labels): number {
  const digest = createHash("sha256").update(JSON.stringify(labels)).digest();
  return digest.readUIntBE(0, 6) / 2 ** 48;
}

/** A draw from the normal distribution with mean 0 and deviation 1 (Box–Muller). */
export function standardNormal(...labels: Labels): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(...labels, "radius")));
  return radius * Math.cos(2 * Math.PI * uniform(...labels, "angle"));
}

/** `count` decimal digits, leading zeros kept. */
export function decimalDigits(count: number, ...labels: Labels): string {
  return Array.from({ length: count }, (_, index) =>
    Math.floor(uniform(...labels, index) * 10),
  ).join("");
}

/** `count` hexadecimal digits, at most 64. */
export function hexDigits(count: number, ...labels: Labels): string {
  return createHash("sha256").update(JSON.stringify(labels)).digest("hex").slice(0, count);
}
