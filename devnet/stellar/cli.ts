import { parseArgs } from "node:util";
import { StrKey } from "@stellar/stellar-sdk";
import { readNetworkSettings } from "./config-from.ts";
import { fundAccounts } from "./friendbot.ts";
import {
  type ClosePace,
  startStellarDevnet,
  type StellarDevnet,
  type StellarDevnetOptions,
} from "./start.ts";

const HELP = `vend402-devnet stellar: a Stellar network on this machine alone

The contract host is the one that validators run; accounts, trustlines, fees, ledgers, events and
JSON-RPC are as on the public network. Everything is gone when it stops, unless --data is given.

  --port <n>             RPC port (default 8000; 0 takes a free one)
  --host <address>       address to listen on (default 127.0.0.1)
  --close-every <time>   how often a ledger closes: 1s (default), 5s as on the public network, 500ms;
                         "instant" as soon as a transaction waits, "manual" on request only
  --data <folder>        keep the chain here and go on with it next time
  --passphrase <text>    network passphrase
  --fund <G...>          create this account with 10,000 XLM; may be given several times
  --usdc                 a test USDC with its issuer and asset contracts, and a faucet for it
  --config-from <url>    take limits, prices and metering from the network behind this RPC server
                         (a chain in --data keeps those it began with)
  --json                 one JSON object per line instead of prose
  --help

Ctrl-C stops it.
`;

const OPTIONS = {
  port: { type: "string", default: "8000" },
  host: { type: "string", default: "127.0.0.1" },
  "close-every": { type: "string", default: "1s" },
  data: { type: "string" },
  passphrase: { type: "string" },
  fund: { type: "string", multiple: true, default: [] as string[] },
  usdc: { type: "boolean", default: false },
  "config-from": { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

interface Wishes {
  readonly options: StellarDevnetOptions;
  readonly fund: readonly string[];
  readonly configFrom: string | null;
  readonly json: boolean;
}

interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly stop: AbortSignal;
}

/** Runs until it is stopped. Exit codes: 0 stopped, 1 could not start, 2 wrong arguments. */
export async function stellarCommand(args: readonly string[], io: Io): Promise<number> {
  let wishes: Wishes | "help";
  try {
    wishes = readWishes(args);
  } catch (error) {
    io.err(`vend402-devnet stellar: ${messageOf(error)}\nTry --help.\n`);
    return 2;
  }
  if (wishes === "help") {
    io.out(HELP);
    return 0;
  }
  const { json } = wishes;
  let devnet: StellarDevnet;
  try {
    devnet = await start(wishes);
  } catch (error) {
    io.err(`vend402-devnet stellar: ${messageOf(error)}\n`);
    return 1;
  }
  io.out(json ? `${JSON.stringify(readyEvent(devnet))}\n` : banner(devnet, wishes));
  await stopped(io.stop);
  const { sequence } = devnet.chain.history.latest;
  await devnet.close();
  io.out(
    json
      ? `${JSON.stringify({ event: "stopped", ledger: sequence })}\n`
      : `\nStopped at ledger ${sequence}.\n`,
  );
  return 0;
}

async function start({ options, fund, configFrom }: Wishes): Promise<StellarDevnet> {
  const settings = configFrom === null ? {} : { settings: await readNetworkSettings(configFrom) };
  const devnet = await startStellarDevnet({ ...options, ...settings });
  fundAccounts(devnet.chain, fund);
  return devnet;
}

function readWishes(args: readonly string[]): Wishes | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port must be 0 to 65535, not ${values.port}`);
  }
  const wrong = values.fund.find((address) => !StrKey.isValidEd25519PublicKey(address));
  if (wrong !== undefined) throw new Error(`--fund takes an account address G..., not ${wrong}`);
  return {
    options: {
      port,
      hostname: values.host,
      closeEveryMs: readPace(values["close-every"]),
      ...(values.data !== undefined && { dataDir: values.data }),
      ...(values.passphrase !== undefined && { passphrase: values.passphrase }),
      ...(values.usdc && { testAsset: "USDC" }),
    },
    fund: values.fund,
    configFrom: values["config-from"] ?? null,
    json: values.json,
  };
}

/** "5s", "500ms", "instant" or "manual". */
export function readPace(text: string): ClosePace {
  if (text === "instant" || text === "manual") return text;
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  const paceMs = Math.round(Number(match?.[1]) * (match?.[2] === "s" ? 1000 : 1));
  if (match && paceMs >= 10 && paceMs <= 3_600_000) return paceMs;
  throw new Error(`--close-every takes 10ms to 3600s, "instant" or "manual", not ${text}`);
}

function readyEvent(devnet: StellarDevnet): Record<string, unknown> {
  const { testAsset, chain } = devnet;
  return {
    event: "ready",
    rpcUrl: devnet.url,
    friendbotUrl: devnet.friendbotUrl,
    passphrase: devnet.passphrase,
    ledger: chain.history.latest.sequence,
    protocolVersion: chain.headerSettings.protocolVersion,
    usdc: testAsset && {
      code: testAsset.asset.getCode(),
      issuer: testAsset.issuer.publicKey(),
      issuerSecret: testAsset.issuer.secret(),
      contractId: testAsset.contractId,
      nativeContractId: testAsset.nativeContractId,
      faucetUrl: devnet.faucetUrl,
    },
  };
}

function banner(devnet: StellarDevnet, { options, fund }: Wishes): string {
  const { chain, testAsset } = devnet;
  const lines: (readonly [string, string])[] = [
    ["RPC", devnet.url],
    ["passphrase", devnet.passphrase],
    ["friendbot", `${devnet.friendbotUrl}?addr=G...`],
    ["ledger", `${chain.history.latest.sequence}, closing: ${paceText(options.closeEveryMs)}`],
    ["protocol", String(chain.headerSettings.protocolVersion)],
  ];
  if (options.dataDir !== undefined) lines.push(["data", options.dataDir]);
  for (const address of fund) lines.push(["funded", address]);
  if (testAsset) {
    lines.push(
      ["USDC issuer", `${testAsset.issuer.publicKey()}  (secret ${testAsset.issuer.secret()})`],
      ["USDC contract", testAsset.contractId],
      ["XLM contract", testAsset.nativeContractId],
      ["USDC faucet", `${devnet.faucetUrl}?addr=G...&amount=100  (the account must trust it)`],
    );
  }
  const rows = lines.map(([name, value]) => `  ${name.padEnd(14)}${value}`);
  return `Stellar network running\n\n${rows.join("\n")}\n\nCtrl-C stops it.\n`;
}

function paceText(pace: ClosePace | undefined): string {
  if (pace === "instant") return "as soon as a transaction waits";
  if (pace === "manual") return "on request (POST /__devnet/ledgers)";
  return `every ${(pace ?? 1000) / 1000} s`;
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
