import { createSecretKey } from "node:crypto";
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { systemClock } from "../clock.ts";
import { newId, systemRandom } from "../ids.ts";
import { parseDecimal, USD } from "../money.ts";
import { usdText } from "../orders/view.ts";
import { hashApiKey, newApiKey } from "../vault/api-key.ts";
import { Stop, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { databaseFile, requireStoreSettings, useStore, withStore } from "./settings.ts";

export const keys: Command = {
  usage: "keys create [--label NAME] [--limit USD] [--orders-per-hour N] [--expires DATE] [--json]",
  summary: "makes an API key, shown once; also: keys list, keys suspend ID, keys resume ID",
  run: async ([verb = "", ...args], out) => {
    if (verb === "create") return createKey(args, out);
    if (verb === "list") return listKeys(out);
    if (verb === "suspend" || verb === "resume") return suspendKey(verb, args, out);
    throw new Stop("say what to do: keys create, keys list, keys suspend ID or keys resume ID");
  },
};

async function createKey(args: readonly string[], out: Output): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      label: { type: "string" },
      limit: { type: "string" },
      "orders-per-hour": { type: "string" },
      expires: { type: "string" },
      json: { type: "boolean" },
    },
  });
  const { dataFolder, keyPepper } = requireStoreSettings();
  const nowMs = systemClock.now();
  const row = {
    id: newId("key", nowMs, systemRandom),
    label: values.label ?? null,
    limitUsdMicro: readLimit(values.limit),
    spentUsdMicro: 0n,
    inFlightUsdMicro: 0n,
    ordersPerHour: readOrdersPerHour(values["orders-per-hour"]),
    isSuspended: false,
    expiresAtMs: readExpiry(values.expires, nowMs),
    createdAtMs: nowMs,
  };
  const apiKey = newApiKey(systemRandom);
  const hash = hashApiKey(apiKey, createSecretKey(keyPepper, "hex"));
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const file = databaseFile(dataFolder);
  await useStore(file, (store) => store.transact("createKey", { ...row, hash }));
  if (values.json === true) {
    out.json({ id: row.id, api_key: apiKey, label: row.label });
    return;
  }
  out.line(apiKey);
  out.progress(`This is key ${row.id}. It is shown this once; only its hash is stored.`);
}

function readLimit(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  const limit = parseDecimal(text, USD.decimals);
  if (limit === null) throw new Stop(`--limit must be a decimal amount of dollars, like 250.00`);
  return limit;
}

function readOrdersPerHour(text: string | undefined): number | null {
  if (text === undefined) return null;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count === 0) throw new Stop("--orders-per-hour must be a whole number above 0");
  return count;
}

function readExpiry(text: string | undefined, nowMs: number): number | null {
  if (text === undefined) return null;
  const ms = Date.parse(text);
  if (Number.isNaN(ms) || ms <= nowMs)
    throw new Stop("--expires must be a date in the future, like 2027-01-31");
  return ms;
}

async function listKeys(out: Output): Promise<void> {
  const rows = await withStore((store) => store.read.keys.all());
  out.table([
    ["ID", "LABEL", "SPENT", "IN FLIGHT", "LIMIT", "STATE"],
    ...rows.map((row) => [
      row.id,
      row.label ?? "",
      usdText(row.spentUsdMicro),
      usdText(row.inFlightUsdMicro),
      row.limitUsdMicro === null ? "none" : usdText(row.limitUsdMicro),
      row.isSuspended ? "suspended" : "active",
    ]),
  ]);
}

async function suspendKey(
  verb: "suspend" | "resume",
  [keyId]: readonly string[],
  out: Output,
): Promise<void> {
  if (keyId === undefined) throw new Stop(`say which key: keys ${verb} ID`);
  const isSuspended = verb === "suspend";
  const isFound = await withStore((store) => store.transact("suspendKey", { keyId, isSuspended }));
  if (!isFound) throw new Stop(`there is no key ${keyId}; see vend402 keys list`);
  out.line(`${keyId} is ${isSuspended ? "suspended" : "active"}`);
}
