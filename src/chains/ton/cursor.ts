import { type Link, NO_LINK } from "./chain.ts";

/** How far an account has been read. */
export interface Position {
  /** The last transaction that was read; `NO_LINK` before the first. */
  readonly link: Link;
  /** Chain time up to which there is nothing else; coarse, so that a quiet account is not written down all the time. */
  readonly timeS: number;
}

const STEP_S = 5;
const FORM = /^(\d{1,16}):([0-9a-f]{64}):(\d{1,12})$/;

export function writeCursor({ lt, hash }: Link, chainTimeMs: number): string {
  return `${lt}:${hash}:${coarseS(chainTimeMs)}`;
}

/** As cursors have it: seconds, rounded down to a multiple of `STEP_S`. */
export function coarseS(chainTimeMs: number): number {
  return Math.floor(chainTimeMs / 1_000 / STEP_S) * STEP_S;
}

/** Null for a text of another form. */
export function parseCursor(text: string): Position | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, lt = "", hash = "", timeS = ""] = match;
  return { link: { lt: BigInt(lt), hash }, timeS: Number(timeS) };
}

export const START: Position = { link: NO_LINK, timeS: 0 };

export function isSameLink(a: Link, b: Link): boolean {
  return a.lt === b.lt && a.hash === b.hash;
}
