import { parseArgs } from "node:util";
import {
  type Banner,
  type ChainCommand,
  type CommandIo,
  paceText,
  readPace,
  readWhole,
  runChainCommand,
} from "../chain-command.ts";
import { type Address, isAddress } from "./hex.ts";
import { type EvmDevnet, type EvmDevnetOptions, startEvmDevnet } from "./start.ts";

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

const LEAST_BLOCK_MS = 50;
const PACE_WORDS = {
  instant: "one per transaction",
  manual: "on request (POST /__devnet/blocks)",
};

/** What `--fund` gives. */
const GIFT = { native: 100n * 10n ** 18n, usdc: 1_000_000_000n, usdt: 1_000_000_000n };

interface Wishes {
  readonly options: EvmDevnetOptions;
  readonly fund: readonly Address[];
  readonly json: boolean;
}

const COMMAND: ChainCommand<Wishes, EvmDevnet> = {
  name: "evm",
  help: HELP,
  unit: "block",
  readWishes,
  async start({ options, fund }) {
    const devnet = await startEvmDevnet(options);
    for (const address of fund) await devnet.fund(address, GIFT);
    return devnet;
  },
  ready,
  banner,
  async close(devnet) {
    const block = await devnet.latestBlock();
    await devnet.close();
    return block;
  },
};

/** Runs until it is stopped. */
export const evmCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  runChainCommand(COMMAND, args, io);

function readWishes(args: readonly string[]): Wishes | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const wrong = values.fund.find((address) => !isAddress(address));
  if (wrong !== undefined) throw new Error(`--fund takes an address 0x..., not ${wrong}`);
  return {
    options: {
      port: readWhole("port", values.port, [0, 65_535]),
      hostname: values.host,
      chainId: readWhole("chain-id", values["chain-id"], [1, 2 ** 32]),
      blockTimeMs: readPace("block-time", values["block-time"], LEAST_BLOCK_MS),
      slotsInEpoch: readWhole("slots-in-epoch", values["slots-in-epoch"], [1, 1000]),
      ...(values.anvil !== undefined && { anvil: values.anvil }),
    },
    fund: values.fund.filter(isAddress),
    json: values.json,
  };
}

function ready(devnet: EvmDevnet): Record<string, unknown> {
  const { url, chainId, usdc, usdt, permit2, x402Permit2Proxy, multicall3, accounts } = devnet;
  return {
    rpcUrl: url,
    chainId,
    network: `eip155:${chainId}`,
    contracts: { usdc, usdt, permit2, x402Permit2Proxy, multicall3 },
    accounts,
  };
}

function banner(devnet: EvmDevnet, { options, fund }: Wishes): Banner {
  const [first] = devnet.accounts;
  const rows: (readonly [string, string])[] = [
    ["RPC", devnet.url],
    ["network", `eip155:${devnet.chainId}`],
    [
      "blocks",
      `${paceText(options.blockTimeMs, PACE_WORDS)}, final ${2 * (options.slotsInEpoch ?? 1)} later`,
    ],
    ["USDC", devnet.usdc],
    ["USDT", devnet.usdt],
    ["Permit2", devnet.permit2],
    ["x402 proxy", `${devnet.x402Permit2Proxy}  (a stand-in)`],
  ];
  if (first) rows.push(["account", `${first.address}  (key ${first.privateKey})`]);
  for (const address of fund) rows.push(["funded", address]);
  return { title: "EVM chain running", rows };
}
