/**
 * The cursor of `getEvents`: a 64-bit TOID (ledger 32 bits, transaction 20, operation 12) as 19 digits, a
 * dash and a 10-digit event index. It is made of the chain's own order, so it means the same on every server.
 */
export interface EventPosition {
  readonly ledger: number;
  readonly transaction: number;
  readonly operation: number;
  readonly event: number;
}

const FORM = /^(\d{19})-(\d{10})$/;
/** The event index of a cursor that stands behind everything of its ledger. */
const BEHIND_ALL = 4_294_967_295;

/** Null when the text is not an event id or cursor. */
export function parsePosition(text: string): EventPosition | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const toid = BigInt(match[1] ?? "");
  return {
    ledger: Number(toid >> 32n),
    transaction: Number((toid >> 12n) & 0xfffffn),
    operation: Number(toid & 0xfffn),
    event: Number(match[2]),
  };
}

/** The last ledger that has been read to its end at this position. */
export function lastWholeLedger(position: EventPosition): number {
  return position.event === BEHIND_ALL ? position.ledger : position.ledger - 1;
}

/** Compares two cursors of equal form: fixed width, so text order is chain order. */
export function isBefore(a: string, b: string): boolean {
  return a < b;
}
