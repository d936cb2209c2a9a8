import { hash } from "node:crypto";

/** What a cell is to the cells that refer to it. */
export interface HashedCell {
  readonly hash: Buffer;
  readonly depth: number;
}

/**
 * Hash of an ordinary cell (its standard representation), with the platform's SHA-256: several times faster than
 * building the cell, for where an address is all that is wanted.
 * @param bits Whole bytes; of the last one `bitLength` says how many bits count, and those after it are zero.
 */
export function hashCell(
  bits: Buffer,
  bitLength: number,
  refs: readonly HashedCell[] = [],
): HashedCell {
  const rest = bitLength % 8;
  const data = Buffer.from(bits.subarray(0, Math.ceil(bitLength / 8)));
  // A part of a byte ends with a one, then zeros.
  if (rest > 0) data[data.length - 1] = (data.at(-1) ?? 0) | (0x80 >> rest);
  const descriptors = [refs.length, Math.floor(bitLength / 8) + Math.ceil(bitLength / 8)];
  const depths = refs.flatMap(({ depth }) => [depth >> 8, depth & 0xff]);
  const parts = [
    Buffer.from(descriptors),
    data,
    Buffer.from(depths),
    ...refs.map((ref) => ref.hash),
  ];
  const depth = refs.reduce((deepest, ref) => Math.max(deepest, ref.depth + 1), 0);
  return { hash: hash("sha256", Buffer.concat(parts), "buffer"), depth };
}
