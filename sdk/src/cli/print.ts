import type { Order } from "../answers.ts";
import type { Card } from "../wire.ts";
import type { EsimView } from "../x402/wire.ts";
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

/** An eSIM as it may be shown: what installs it works once, for whoever is first. */
export function shownEsim(esim: EsimView, isRevealed: boolean): EsimView {
  if (isRevealed) return esim;
  const hidden = "•••";
  return {
    ...esim,
    activation_code: hidden,
    matching_id: hidden,
    confirmation_code: esim.confirmation_code === null ? null : hidden,
    qr_svg: hidden,
    qr_png: hidden,
    ios_install_url: hidden,
    android_install_url: hidden,
  };
}

export function printEsim(terminal: Terminal, esim: EsimView, isRevealed: boolean): void {
  const shown = shownEsim(esim, isRevealed);
  const rows = [
    ["iccid", shown.iccid],
    ["activation code", shown.activation_code],
    ["install on iOS", shown.ios_install_url],
    ["install on Android", shown.android_install_url],
    ["apn", shown.apn],
    ["data", dataText(shown.data_bytes)],
    [
      "valid",
      `${String(shown.validity_days)} days from ${shown.validity_starts.replace("_", " ")}`,
    ],
    ["install before", shown.install_before],
    ["countries", shown.countries.join(" ")],
  ];
  for (const line of columns(rows)) terminal.data(line);
  if (!isRevealed) terminal.note("--reveal shows what installs it");
}

const MIB = 1_048_576;

/** "1 GB" as the trade says it, which counts in 1024s. */
export function dataText(bytes: number): string {
  const mib = bytes / MIB;
  return mib >= 1024 ? `${String(Number((mib / 1024).toFixed(1)))} GB` : `${mib.toFixed(0)} MB`;
}
