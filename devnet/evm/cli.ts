import { parseArgs } from "node:util";
import { type Address, isAddress } from "./hex.ts";
import { type BlockTime, type EvmDevnet, type EvmDevnetOptions, startEvmDevnet } from "./start.ts";

const HELP = `vend402-devnet evm: an EVM chain on this machine alone

Anvil poses as Polygon: a test USDC that signs like Circle's and a USDT as strict as Tether's lie where
the real ones do, beside Permit2, Multicall3 and the CREATE2 deployer. Everything is gone when it stops.

  --port <n>             RPC port (default 8545; 0 takes a free one)
  --host <address>       address to listen on (default 127.0.0.1)
  --chain-id <n>         default 137
  --block-time <time>    how often there is a block: 1s (default), 2s, 500ms; "instant" with each
                         transaction, "manual" on request only
  --slots-in-epoch <n>   "finalized" is twice as many blocks behind the latest (default 1)
  --fund <0x...>         give 100 of the chain's coin, 1,000 USDC and 1,000 USDT; may be given several times
  --anvil <file>         another anvil than that of the npm package
  --json                 one JSON object per line instead of prose
  --help

Ctrl-C stops it.
`;

const OPTIONS = {
  port: { type: "string", default: "8545" },
  host: { type: "string", default: "127.0.0.1" },
  "chain-id": { type: "string", default: "137" },
  "block-time": { type: "string", default: "1s" },
  "slots-in-epoch": { type: "string", default: "1" },
  fund: { type: "string", multiple: true, default: [] as string[] },
  anvil: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

/** What `--fund` gives. */
const GIFT = { native: 100n * 10n ** 18n, usdc: 1_000_000_000n, usdt: 1_000_000_000n };

interface Wishes {
  readonly options: EvmDevnetOptions;
  readonly fund: readonly Address[];
  readonly json: boolean;
}

interface Io {
  out(text: string): void;
  err(text: string): void;
  readonly stop: AbortSignal;
}

/** Runs until it is stopped. Exit codes: 0 stopped, 1 could not start, 2 wrong arguments. */
export async function evmCommand(args: readonly string[], io: Io): Promise<number> {
  let wishes: Wishes | "help";
  try {
    wishes = readWishes(args);
  } catch (error) {
    io.err(`vend402-devnet evm: ${messageOf(error)}\nTry --help.\n`);
    return 2;
  }
  if (wishes === "help") {
    io.out(HELP);
    return 0;
  }
  const { options, fund, json } = wishes;
  let devnet: EvmDevnet;
  try {
    devnet = await startEvmDevnet(options);
    for (const address of fund) await devnet.fund(address, GIFT);
  } catch (error) {
    io.err(`vend402-devnet evm: ${messageOf(error)}\n`);
    return 1;
  }
  io.out(json ? `${JSON.stringify(readyEvent(devnet))}\n` : banner(devnet, wishes));
  await stopped(io.stop);
  const block = await devnet.latestBlock();
  await devnet.close();
  io.out(
    json ? `${JSON.stringify({ event: "stopped", block })}\n` : `\nStopped at block ${block}.\n`,
  );
  return 0;
}

function readWishes(args: readonly string[]): Wishes | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const wrong = values.fund.find((address) => !isAddress(address));
  if (wrong !== undefined) throw new Error(`--fund takes an address 0x..., not ${wrong}`);
  return {
    options: {
      port: readNumber("port", values.port, [0, 65_535]),
      hostname: values.host,
      chainId: readNumber("chain-id", values["chain-id"], [1, 2 ** 32]),
      blockTimeMs: readBlockTime(values["block-time"]),
      slotsInEpoch: readNumber("slots-in-epoch", values["slots-in-epoch"], [1, 1000]),
      ...(values.anvil !== undefined && { anvil: values.anvil }),
    },
    fund: values.fund.filter(isAddress),
    json: values.json,
  };
}

function readNumber(name: string, text: string, [min, max]: readonly [number, number]): number {
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${name} must be ${min} to ${max}, not ${text}`);
}

/** "2s", "500ms", "instant" or "manual". */
function readBlockTime(text: string): BlockTime {
  if (text === "instant" || text === "manual") return text;
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  const timeMs = Math.round(Number(match?.[1]) * (match?.[2] === "s" ? 1000 : 1));
  if (match && timeMs >= 50 && timeMs <= 3_600_000) return timeMs;
  throw new Error(`--block-time takes 50ms to 3600s, "instant" or "manual", not ${text}`);
}

function readyEvent(devnet: EvmDevnet): Record<string, unknown> {
  const { url, chainId, usdc, usdt, permit2, x402Permit2Proxy, multicall3, accounts } = devnet;
  return {
    event: "ready",
    rpcUrl: url,
    chainId,
    network: `eip155:${chainId}`,
    contracts: { usdc, usdt, permit2, x402Permit2Proxy, multicall3 },
    accounts,
  };
}

function banner(devnet: EvmDevnet, { options, fund }: Wishes): string {
  const [first] = devnet.accounts;
  const lines: (readonly [string, string])[] = [
    ["RPC", devnet.url],
    ["network", `eip155:${devnet.chainId}`],
    ["blocks", `${paceText(options.blockTimeMs)}, final ${2 * (options.slotsInEpoch ?? 1)} later`],
    ["USDC", devnet.usdc],
    ["USDT", devnet.usdt],
    ["Permit2", devnet.permit2],
    ["x402 proxy", `${devnet.x402Permit2Proxy}  (a stand-in)`],
  ];
  if (first) lines.push(["account", `${first.address}  (key ${first.privateKey})`]);
  for (const address of fund) lines.push(["funded", address]);
  const rows = lines.map(([name, value]) => `  ${name.padEnd(12)}${value}`);
  return `EVM chain running\n\n${rows.join("\n")}\n\nCtrl-C stops it.\n`;
}

function paceText(pace: BlockTime | undefined): string {
  if (pace === "instant") return "one per transaction";
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
