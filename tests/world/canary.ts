/** Looks for secrets in what a shop has said: the net under "secrets stay secret". */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

/** Something that may be said to nobody, or to one buyer only. */
export interface Secret {
  /** What it is, for the message; never the secret itself. */
  readonly name: string;
  readonly text: string;
}

/** Where a text came from, and the text. */
export interface Said {
  readonly where: string;
  readonly text: string;
}

/** A card's code is too short to be looked for by itself, so it counts when it stands behind its label. */
const LABELLED_CODE = /\b(?:cvv|cvc)2?\b\W{0,8}\d{3,4}\b/i;

/** One line for each place that holds a secret; the secret is not repeated. */
export function findLeaks(said: Iterable<Said>, secrets: readonly Secret[]): readonly string[] {
  const leaks: string[] = [];
  for (const { where, text } of said) {
    const joined = text.replaceAll(/(?<=\d)[ -](?=\d)/g, "");
    for (const { name, text: secret } of secrets)
      if (text.includes(secret) || joined.includes(secret)) leaks.push(`${where}: ${name}`);
    if (LABELLED_CODE.test(text)) leaks.push(`${where}: a card's code`);
  }
  return leaks;
}

/** Settings of a shop that are secrets; those that are lists count item by item. */
export function secretsOf(env: Readonly<Record<string, string>>): readonly Secret[] {
  return Object.entries(env)
    .filter(([name]) =>
      /SECRET|MASTER_KEYS|PEPPER|API_KEY|TREASURY_KEY|RELAY_KEY|KEEPER_KEY|ACCESS_CODE/.test(name),
    )
    .flatMap(([name, value]) =>
      value.split(",").map((item) => ({ name, text: item.replace(/^[^:]*:/, "") })),
    );
}

/** Every card number that the supplier has ever sold, from its own files. */
export function soldCardNumbers(supplierFolder: string): readonly Secret[] {
  const file = path.join(supplierFolder, "cards.ndjson");
  if (!existsSync(file)) return [];
  const numbers = readFileSync(file, "utf8").matchAll(/"number":"(\d{13,19})"/g);
  return [...numbers].map(([, text = ""]) => ({ name: "a card number", text }));
}

/** Every activation code that the wholesaler has ever sold, from its own files. */
export function soldActivationCodes(supplierFolder: string): readonly Secret[] {
  const file = path.join(supplierFolder, "esims.ndjson");
  if (!existsSync(file)) return [];
  const codes = readFileSync(file, "utf8").matchAll(/"ac":"(LPA:[^"]+)"/g);
  return [...codes].map(([, text = ""]) => ({ name: "an activation code", text }));
}

/** The database as whoever steals the disk reads it. */
export function databaseBytes(databaseFile: string): readonly Said[] {
  return ["", "-wal"]
    .map((suffix) => databaseFile + suffix)
    .filter((file) => existsSync(file))
    .map((file) => ({ where: path.basename(file), text: readFileSync(file, "latin1") }));
}
