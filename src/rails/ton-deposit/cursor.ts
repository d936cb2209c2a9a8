import {
  parseCursor as parsePosition,
  type Position,
  START,
  writeCursor as writePosition,
} from "../../chains/ton/cursor.ts";

/** How far the rail has read. */
export interface Cursor extends Position {
  /**
   * Addresses that have received something, by their orders: logical time of the last transaction that was told.
   * The one that was paid last comes last.
   */
  readonly told: ReadonlyMap<string, bigint>;
}

export const COLD_START: Cursor = { ...START, told: new Map() };

const TOLD = /^([^;,=]+)=(\d{1,16})$/;

/** "<lt>:<hash>:<time>;ord_a=47000001,ord_b=47000005". Strangers choose ids too, of any characters. */
export function writeCursor({ link, timeS, told }: Cursor): string {
  const list = [...told].map(([orderId, lt]) => `${encodeURIComponent(orderId)}=${lt}`).join(",");
  return `${writePosition(link, timeS * 1_000)};${list}`;
}

/** Null for a text of another form. */
export function parseCursor(text: string): Cursor | null {
  const [head = "", list = "", ...rest] = text.split(";");
  const position = parsePosition(head);
  if (position === null || rest.length > 0) return null;
  const told = new Map<string, bigint>();
  for (const item of list === "" ? [] : list.split(",")) {
    const [, written = "", lt] = TOLD.exec(item) ?? [];
    const orderId = decoded(written);
    if (orderId === null || lt === undefined) return null;
    told.set(orderId, BigInt(lt));
  }
  return { ...position, told };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    // Whatever was stored, it is not what we store.
    return null;
  }
}
