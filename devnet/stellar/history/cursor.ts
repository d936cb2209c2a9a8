/**
 * Where an event stands: `<TOID>-<event index>`, the TOID being ledger, transaction and operation in one
 * number (SEP-35). Fixed width, so that cursors compare as text.
 */
export interface Cursor {
  readonly ledger: number;
  readonly transaction: number;
  readonly operation: number;
  readonly event: number;
}

export const MAX_TRANSACTION = 2 ** 20 - 1;
export const MAX_OPERATION = 2 ** 12 - 1;
export const MAX_EVENT = 2 ** 32 - 1;
const MAX_LEDGER = 2 ** 31 - 1;

export function formatCursor({ ledger, transaction, operation, event }: Cursor): string {
  const id = toid(ledger, transaction, operation).toString().padStart(19, "0");
  return `${id}-${event.toString().padStart(10, "0")}`;
}

export function toid(ledger: number, transaction: number, operation: number): bigint {
  return (BigInt(ledger) << 32n) | (BigInt(transaction) << 12n) | BigInt(operation);
}

/** Null if the text is no cursor. */
export function parseCursor(text: string): Cursor | null {
  const match = /^(\d{1,19})-(\d{1,10})$/.exec(text);
  const event = Number(match?.[2]);
  if (!match?.[1] || event > MAX_EVENT) return null;
  const position = parseToid(match[1]);
  return position && { ...position, event };
}

/** Null if the text is no TOID. */
export function parseToid(text: string): Omit<Cursor, "event"> | null {
  if (!/^\d{1,19}$/.test(text)) return null;
  const id = BigInt(text);
  const ledger = Number(id >> 32n);
  if (ledger > MAX_LEDGER) return null;
  return {
    ledger,
    transaction: Number((id >> 12n) & BigInt(MAX_TRANSACTION)),
    operation: Number(id & BigInt(MAX_OPERATION)),
  };
}
