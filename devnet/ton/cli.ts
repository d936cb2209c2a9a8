import { parseArgs } from "node:util";
import { Address, toNano } from "@ton/core";
import { type BlockTime, startTonDevnet, type TonDevnet, type TonDevnetOptions } from "./start.ts";

const HELP = `vend402-devnet ton: a TON chain on this machine alone

The sandbox's TVM runs the contracts; in front of it are an API that clients of toncenter (v2) speak, and a lite
server. A test USDT lies on it, with the messages and the locks of the real one. Everything is gone when it stops.

  --port <n>             API port (default 8081; 0 takes a free one)
  --lite-port <n>        port of the lite server (default: the next one)
  --host <address>       address to listen on (default 127.0.0.1)
  --block-time <time>    how often there is a block: 1s (default), 5s, 500ms; "instant" with each
                         message, "manual" on request only
  --one-hop              a message between contracts arrives one block later
  --fund <address>       give 100 TON and 1,000 USDT; may be given several times
  --json                 one JSON object per line instead of prose
  --help

Ctrl-C stops it.
`;

const OPTIONS = {
  port: { type: "string", default: "8081" },
  "lite-port": { type: "string" },
  host: { type: "string", default: "127.0.0.1" },
  "block-time": { type: "string", default: "1s" },
  "one-hop": { type: "boolean", default: false },
  fund: { type: "string", multiple: true, default: [] as string[] },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** What `--fund` gives. */
const GIFT = { ton: toNano("100"), jetton: 1_000_000_000n };

interface Wishes {
  readonly options: TonDevnetOptions;
  readonly fund: readonly Address[];
  readonly json: boolean;
}

interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly stop: AbortSignal;
}

/** Runs until it is stopped. Exit codes: 0 stopped, 1 could not start, 2 wrong arguments. */
export async function tonCommand(args: readonly string[], io: Io): Promise<number> {
  let wishes: Wishes | "help";
  try {
    wishes = readWishes(args);
  } catch (error) {
    io.err(`vend402-devnet ton: ${messageOf(error)}\nTry --help.\n`);
    return 2;
  }
  if (wishes === "help") {
    io.out(HELP);
    return 0;
  }
  const { options, fund, json } = wishes;
  let devnet: TonDevnet;
  try {
    devnet = await startTonDevnet(options);
    for (const address of fund) await devnet.fund(address, GIFT);
  } catch (error) {
    io.err(`vend402-devnet ton: ${messageOf(error)}\n`);
    return 1;
  }
  io.out(json ? `${JSON.stringify(readyEvent(devnet))}\n` : banner(devnet, wishes));
  await stopped(io.stop);
  const block = devnet.latestBlock();
  await devnet.close();
  io.out(
    json ? `${JSON.stringify({ event: "stopped", block })}\n` : `\nStopped at block ${block}.\n`,
  );
  return 0;
}

function readWishes(args: readonly string[]): Wishes | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const blockTimeMs = readBlockTime(values["block-time"]);
  if (values["one-hop"] && blockTimeMs === "instant") {
    throw new Error("--one-hop needs blocks that come by themselves or on request");
  }
  const port = readPort("port", values.port);
  const next = String(port === 0 ? 0 : port + 1);
  return {
    options: {
      port,
      liteServerPort: readPort("lite-port", values["lite-port"] ?? next),
      hostname: values.host,
      blockTimeMs,
      isOneHopPerBlock: values["one-hop"],
    },
    fund: values.fund.map(readAddress),
    json: values.json,
  };
}

function readPort(option: string, text: string): number {
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
  throw new Error(`--${option} must be 0 to 65535, not ${text}`);
}

function readAddress(text: string): Address {
  try {
    return Address.parse(text);
  } catch {
    throw new Error(`--fund takes an address like EQ... or 0:..., not ${text}`);
  }
}

/** "2s", "500ms", "instant" or "manual". */
function readBlockTime(text: string): BlockTime {
  if (text === "instant" || text === "manual") return text;
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  const timeMs = Math.round(Number(match?.[1]) * (match?.[2] === "s" ? 1000 : 1));
  if (match && timeMs >= 50 && timeMs <= 3_600_000) return timeMs;
  throw new Error(`--block-time takes 50ms to 3600s, "instant" or "manual", not ${text}`);
}

function readyEvent(devnet: TonDevnet): Record<string, unknown> {
  const { url, minter } = devnet;
  return { event: "ready", endpoint: url, lite: liteText(devnet), usdt: minter.toRawString() };
}

/** As the shop's configuration takes it. */
function liteText({ liteServer: { host, port, publicKey } }: TonDevnet): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}/${publicKey}`;
}

function banner(devnet: TonDevnet, { options, fund }: Wishes): string {
  const hops = options.isOneHopPerBlock === true ? ", one hop in each" : "";
  const lines: (readonly [string, string])[] = [
    ["endpoint", devnet.url],
    ["lite", liteText(devnet)],
    ["blocks", `${paceText(options.blockTimeMs)}${hops}`],
    ["USDT", devnet.minter.toString()],
    ["", devnet.minter.toRawString()],
  ];
  for (const address of fund) lines.push(["funded", address.toString({ bounceable: false })]);
  const rows = lines.map(([name, value]) => `  ${name.padEnd(10)}${value}`);
  return `TON chain running\n\n${rows.join("\n")}\n\nCtrl-C stops it.\n`;
}

function paceText(pace: BlockTime | undefined): string {
  if (pace === "instant") return "one per message";
  if (pace === "manual") return "on request (POST /__devnet/blocks)";
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
