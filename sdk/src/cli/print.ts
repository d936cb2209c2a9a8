import type { Order } from "../answers.ts";
import type { Card } from "../wire.ts";
import type { Terminal } from "./command.ts";

/** Columns two spaces apart. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.data(JSON.stringify(value, null, 2));
}

/** A card as it may be shown: whole only when asked for, since output ends up in logs. */
export function shownCard(card: Card, isRevealed: boolean): Card {
  if (isRevealed) return card;
  const digits = card.number.replaceAll(" ", "");
  return { ...card, number: "•".repeat(digits.length - 4) + digits.slice(-4), cvv: "•••" };
}

const NOTE_HIDDEN = "--reveal shows the whole number";

/** The order with its card as it may be shown. */
export function shownOrder(order: Order, isRevealed: boolean): Order {
  return order.card === undefined ? order : { ...order, card: shownCard(order.card, isRevealed) };
}

export function printCard(terminal: Terminal, card: Card, isRevealed: boolean): void {
  const { number, cvv, expiry, brand } = shownCard(card, isRevealed);
  const rows = [
    ["number", number],
    ["cvv", cvv],
    ["expiry", expiry],
    ["brand", brand],
  ];
  for (const line of columns(rows.filter(([, value]) => value !== undefined))) terminal.data(line);
  if (!isRevealed) terminal.note(NOTE_HIDDEN);
}
