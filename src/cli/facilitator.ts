import path from "node:path";
import { mkdirSync } from "node:fs";
import { parseArgs } from "node:util";
import { generatePrivateKey, privateKeyToAddress } from "viem/accounts";
import { EVM_SETTINGS } from "../chains/evm/settings.ts";
import { systemClock } from "../clock.ts";
import { readVariable } from "../config.ts";
import { buildFacilitator } from "../facilitator/app.ts";
import { openReplays } from "../facilitator/replays.ts";
import type { ServedScheme } from "../facilitator/served.ts";
import { createLog, writeToStderr, type Log } from "../log.ts";
import { rails } from "../rails/index.ts";
import { Stop, type Command } from "./command.ts";
import { loadEnvFile } from "./settings.ts";

const MAX_PORT = 65_535;

export const facilitator: Command = {
  usage:
    "facilitator [--chain-id 137 …] [--host 127.0.0.1] [--port 4022] [--data FOLDER] [--keys-env NAME]",
  summary: "verifies and settles x402 payments for other sellers: POST /verify, POST /settle",
  run: async (args, out) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        "chain-id": { type: "string", multiple: true, default: ["137"] },
        host: { type: "string", default: "127.0.0.1" },
        port: { type: "string", default: "4022" },
        data: { type: "string", default: "data" },
        "keys-env": { type: "string" },
      },
    });
    loadEnvFile();
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > MAX_PORT)
      throw new Stop("--port must be a whole number from 0 to 65535");
    const log = createLog({ level: "info", now: systemClock.now, write: writeToStderr });
    const schemes = values["chain-id"].map((chainId) => openScheme(chainId, log));
    const keys = readKeys(values["keys-env"]);
    mkdirSync(values.data, { recursive: true });
    const replays = openReplays(path.join(values.data, "facilitator.db"));
    const app = buildFacilitator({ schemes, replays, keys, clock: systemClock, log });
    const url = await app.listen({ host: values.host, port });
    if (keys.length === 0) out.progress("anybody may call it: name bearer keys with --keys-env");
    out.line(`facilitator at ${url} for ${schemes.map(({ network }) => network).join(", ")}`);
    await toldToStop();
    await app.close();
    replays.close();
  },
};

/** A facilitator holds no money but gas: of a chain's settings it needs RPC, RELAY_KEYS and perhaps ASSETS. */
function openScheme(chainId: string, log: Log): ServedScheme {
  const prefix = `VEND402_EVM_${chainId}_`;
  const given = EVM_SETTINGS.map((name) => [name, readVariable(prefix + name) ?? ""] as const);
  const texts = Object.fromEntries(given.filter(([, text]) => text !== ""));
  const ofSellers = ["TREASURY", "TREASURY_KEY", "FACILITATOR", "DEPOSIT_FACTORY", "KEEPER_KEY"];
  const own = Object.entries(texts).filter(([name]) => !ofSellers.includes(name));
  // Nothing is ever paid to it; it stands where a shop's treasury would.
  const TREASURY_KEY = generatePrivateKey();
  const module = rails["evm-x402"];
  const parsed = module.parse(chainId, { ...Object.fromEntries(own), TREASURY_KEY });
  if (parsed.kind === "problems")
    throw new Stop(parsed.problems.map((problem) => `${prefix}${problem}`).join("\n"));
  const { config } = parsed;
  if (config.relayKeys.length === 0)
    throw new Stop(`${prefix}RELAY_KEYS is missing: these accounts pay the gas`);
  return {
    scheme: "exact",
    network: config.caip2,
    networkV1: config.network.x402V1Name,
    family: "eip155:*",
    signers: config.relayKeys.map((key) => privateKeyToAddress(key)),
    x402: module.open(config, { clock: systemClock, log }).x402,
  };
}

/** A key is never an argument: those can be seen by every user of the machine. */
function readKeys(variable: string | undefined): readonly string[] {
  if (variable === undefined) return [];
  const keys = (readVariable(variable) ?? "").split(",").map((key) => key.trim());
  const named = keys.filter((key) => key !== "");
  if (named.length === 0) throw new Stop(`${variable} holds no keys`);
  return named;
}

async function toldToStop(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
