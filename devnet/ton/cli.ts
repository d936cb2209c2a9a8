import { parseArgs } from "node:util";
import { Address, toNano } from "@ton/core";
import {
  type Banner,
  type ChainCommand,
  type CommandIo,
  paceText,
  readPace,
  readWhole,
  runChainCommand,
} from "../chain-command.ts";
import { startTonDevnet, type TonDevnet, type TonDevnetOptions } from "./start.ts";

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

const PORTS = [0, 65_535] as const;
const LEAST_BLOCK_MS = 50;
const PACE_WORDS = { instant: "one per message", manual: "on request (POST /__devnet/blocks)" };

/** What `--fund` gives. */
const GIFT = { ton: toNano("100"), jetton: 1_000_000_000n };

interface Wishes {
  readonly options: TonDevnetOptions;
  readonly fund: readonly Address[];
  readonly json: boolean;
}

const COMMAND: ChainCommand<Wishes, TonDevnet> = {
  name: "ton",
  help: HELP,
  unit: "block",
  readWishes,
  async start({ options, fund }) {
    const devnet = await startTonDevnet(options);
    for (const address of fund) await devnet.fund(address, GIFT);
    return devnet;
  },
  ready,
  banner,
  async close(devnet) {
    const block = devnet.latestBlock();
    await devnet.close();
    return block;
  },
};

/** Runs until it is stopped. */
export const tonCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  runChainCommand(COMMAND, args, io);

function readWishes(args: readonly string[]): Wishes | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const blockTimeMs = readPace("block-time", values["block-time"], LEAST_BLOCK_MS);
  if (values["one-hop"] && blockTimeMs === "instant") {
    throw new Error("--one-hop needs blocks that come by themselves or on request");
  }
  const port = readWhole("port", values.port, PORTS);
  const next = String(port === 0 ? 0 : port + 1);
  return {
    options: {
      port,
      liteServerPort: readWhole("lite-port", values["lite-port"] ?? next, PORTS),
      hostname: values.host,
      blockTimeMs,
      isOneHopPerBlock: values["one-hop"],
    },
    fund: values.fund.map(readAddress),
    json: values.json,
  };
}

function readAddress(text: string): Address {
  try {
    return Address.parse(text);
  } catch {
    throw new Error(`--fund takes an address like EQ... or 0:..., not ${text}`);
  }
}

function ready(devnet: TonDevnet): Record<string, unknown> {
  const { url, minter } = devnet;
  return { endpoint: url, lite: liteText(devnet), usdt: minter.toRawString() };
}

/** As the shop's configuration takes it. */
function liteText({ liteServer: { host, port, publicKey } }: TonDevnet): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}/${publicKey}`;
}

function banner(devnet: TonDevnet, { options, fund }: Wishes): Banner {
  const hops = options.isOneHopPerBlock === true ? ", one hop in each" : "";
  const rows: (readonly [string, string])[] = [
    ["endpoint", devnet.url],
    ["lite", liteText(devnet)],
    ["blocks", `${paceText(options.blockTimeMs, PACE_WORDS)}${hops}`],
    ["USDT", devnet.minter.toString()],
    ["", devnet.minter.toRawString()],
  ];
  for (const address of fund) rows.push(["funded", address.toString({ bounceable: false })]);
  return { title: "TON chain running", rows };
}
