import { mkdirSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../clock.ts";
import { readFacilitatorSettings, type FacilitatorSettings } from "../config.ts";
import { buildFacilitator } from "../facilitator/app.ts";
import { openReplays } from "../facilitator/replays.ts";
import type { ServedScheme } from "../facilitator/served.ts";
import { createLog, writeToStderr } from "../log.ts";
import type { RailContext, RailProblem } from "../rails/rail.ts";
import { rails } from "../rails/index.ts";
import { Stop, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { loadEnvFile } from "./settings.ts";

const REPLAY_FILE = "facilitator.db";
const MAX_PORT = 65_535;

export const facilitator: Command = {
  usage: "facilitator [--host HOST] [--port PORT]",
  summary: "carries out x402 payments for other sellers until it is told to stop (SIGINT, SIGTERM)",
  run: async (args, out) => {
    loadEnvFile();
    const settings = withOptions(requireSettings(), args);
    const { host, port, keys, dataFolder, logLevel } = settings;
    const log = createLog({ level: logLevel, now: systemClock.now, write: writeToStderr });
    const context = { clock: systemClock, log };
    const schemes = openSchemes(settings, context);
    for (const scheme of schemes) await warnOf(scheme, out);
    mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
    const replays = openReplays(path.join(dataFolder, REPLAY_FILE));
    const server = buildFacilitator({ ...context, schemes, replays, keys });
    const url = await server.listen({ host, port }).catch((error: unknown) => {
      throw new Stop(error instanceof Error ? error.message : String(error));
    });
    if (keys.length === 0)
      out.progress("anybody may use it, at your cost: VEND402_FACILITATOR_KEYS is not set");
    out.line(`facilitator at ${url} for ${schemes.map(({ network }) => network).join(", ")}`);
    await toldToStop();
    await server.close();
    replays.close();
  },
};

function requireSettings(): FacilitatorSettings {
  const read = readFacilitatorSettings();
  if (read.kind === "settings") return read.settings;
  throw new Stop(["the configuration is not complete:", ...read.problems].join("\n  - "));
}

function withOptions(settings: FacilitatorSettings, args: readonly string[]): FacilitatorSettings {
  const { values } = parseArgs({
    args: [...args],
    options: { host: { type: "string" }, port: { type: "string" } },
  });
  const { host = settings.host, port = String(settings.port) } = values;
  if (!/^\d{1,5}$/.test(port) || Number(port) > MAX_PORT)
    throw new Stop(`--port must be a number from 0 to ${MAX_PORT}`);
  return { ...settings, host, port: Number(port) };
}

type Served = ServedScheme & { readonly check: () => Promise<readonly RailProblem[]> };

/** Every configured chain, or everything that is wrong with them. */
function openSchemes({ evm, ton }: FacilitatorSettings, context: RailContext): readonly Served[] {
  const { "evm-x402": evmX402, "ton-jetton": tonJetton } = rails;
  const problems: string[] = [];
  const schemes: Served[] = [];
  const add = (prefix: string, opened: Served | readonly string[]): void => {
    if ("x402" in opened) schemes.push(opened);
    else problems.push(...opened.map((problem) => prefix + problem));
  };
  for (const [chainId, texts] of Object.entries(evm)) {
    const parsed = evmX402.parseForOthers(chainId, texts);
    const isGood = parsed.kind === "config";
    add(
      `VEND402_EVM_${chainId}_`,
      isGood ? evmX402.openForOthers(parsed.config, context) : parsed.problems,
    );
  }
  if (Object.keys(ton).length > 0) {
    const parsed = tonJetton.parseForOthers(ton);
    const isGood = parsed.kind === "config";
    add("VEND402_TON_", isGood ? tonJetton.openForOthers(parsed.config, context) : parsed.problems);
  }
  if (schemes.length === 0 && problems.length === 0)
    problems.push(
      "no chain is configured: set VEND402_EVM_<chain id>_RPC and _RELAY_KEYS, or VEND402_TON_…",
    );
  if (problems.length > 0)
    throw new Stop(["the facilitator does not start:", ...problems].join("\n  - "));
  return schemes;
}

/** A chain that cannot be asked now, or a relay account that is low, mends itself or is mended while it runs. */
async function warnOf(scheme: Served, out: Output): Promise<void> {
  for (const { what, fix } of await scheme.check())
    out.progress(`${scheme.network}: ${what}\n  → ${fix}`);
}

async function toldToStop(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
