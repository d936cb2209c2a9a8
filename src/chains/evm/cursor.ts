import { type Hex, isHex } from "viem";

/** A block by number and hash: `[64, "0x…"]` in the cursor. */
export interface BlockMark {
  readonly number: number;
  readonly hash: Hex;
}

/** How far a chain has been read, and by which blocks it is known again. Stored as JSON. */
export interface ChainCursor {
  /** Everything up to this block has been reported as final. */
  readonly final: BlockMark;
  /** Up to here it has been reported as what may be taken back. */
  readonly head: BlockMark;
  /** Earlier final blocks, the newest first, ever farther apart. */
  readonly checkpoints: readonly BlockMark[];
  /** Orders whose payments had been seen and were not final. */
  readonly open: readonly string[];
  /** What the rail wants to know again after a restart: orders whose addresses may still hold something. */
  readonly held: readonly string[];
}

type Pair = readonly [number, Hex];

export function writeCursor({ final, head, checkpoints, open, held }: ChainCursor): string {
  const pair = ({ number, hash }: BlockMark): Pair => [number, hash];
  return JSON.stringify({
    final: pair(final),
    head: pair(head),
    checkpoints: checkpoints.map(pair),
    open,
    held,
  });
}

/** Null when the text is no cursor of these rails. */
export function parseCursor(text: string): ChainCursor | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Whatever it is, it is none of ours.
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Readonly<Record<string, unknown>>;
  const [final, head] = [markOf(fields["final"]), markOf(fields["head"])];
  const checkpoints = listOf(fields["checkpoints"]).map(markOf);
  const [open, held] = [listOf(fields["open"]), listOf(fields["held"])];
  if (final === null || head === null || !checkpoints.every((mark) => mark !== null)) return null;
  if (!open.every(isText) || !held.every(isText)) return null;
  return { final, head, checkpoints, open, held };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function markOf(value: unknown): BlockMark | null {
  const [number, hash] = listOf(value);
  return Number.isSafeInteger(number) && isHex(hash) ? { number: number as number, hash } : null;
}

/** Farther back than this nothing is remembered: two weeks of 1 s blocks. */
const OLDEST_CHECKPOINT = 2 ** 20;

/**
 * The checkpoints to keep when a block has become final: of each distance from 2^k to 2^(k+1) blocks the oldest
 * one, which grows into the next.
 * @param earlier The newest first.
 */
export function thinned(final: BlockMark, earlier: readonly BlockMark[]): readonly BlockMark[] {
  const byDistance = new Map<number, BlockMark>();
  for (const mark of earlier) {
    const distance = final.number - mark.number;
    if (distance > 0 && distance <= OLDEST_CHECKPOINT)
      byDistance.set(Math.floor(Math.log2(distance)), mark);
  }
  return [...byDistance.values()].toSorted((a, b) => b.number - a.number);
}
