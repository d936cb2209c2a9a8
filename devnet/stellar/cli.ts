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
import { StrKey } from "@stellar/stellar-sdk";
import { readNetworkSettings } from "./config-from.ts";
import { fundAccounts } from "./friendbot.ts";
import { startStellarDevnet, type StellarDevnet, type StellarDevnetOptions } from "./start.ts";

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

const LEAST_CLOSE_MS = 10;
const PACE_WORDS = {
  instant: "as soon as a transaction waits",
  manual: "on request (POST /__devnet/ledgers)",
};

interface Wishes {
  readonly options: StellarDevnetOptions;
  readonly fund: readonly string[];
  readonly configFrom: string | null;
  readonly json: boolean;
}

const COMMAND: ChainCommand<Wishes, StellarDevnet> = {
  name: "stellar",
  help: HELP,
  unit: "ledger",
  readWishes,
  start,
  ready,
  banner,
  async close(devnet) {
    const { sequence } = devnet.chain.history.latest;
    await devnet.close();
    return sequence;
  },
};

/** Runs until it is stopped. */
export const stellarCommand = (args: readonly string[], io: CommandIo): Promise<number> =>
  runChainCommand(COMMAND, args, io);

async function start({ options, fund, configFrom }: Wishes): Promise<StellarDevnet> {
  const settings = configFrom === null ? {} : { settings: await readNetworkSettings(configFrom) };
  const devnet = await startStellarDevnet({ ...options, ...settings });
  fundAccounts(devnet.chain, fund);
  return devnet;
}

function readWishes(args: readonly string[]): Wishes | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.help) return "help";
  const port = readWhole("port", values.port, [0, 65_535]);
  const wrong = values.fund.find((address) => !StrKey.isValidEd25519PublicKey(address));
  if (wrong !== undefined) throw new Error(`--fund takes an account address G..., not ${wrong}`);
  return {
    options: {
      port,
      hostname: values.host,
      closeEveryMs: readPace("close-every", values["close-every"], LEAST_CLOSE_MS),
      ...(values.data !== undefined && { dataDir: values.data }),
      ...(values.passphrase !== undefined && { passphrase: values.passphrase }),
      ...(values.usdc && { testAsset: "USDC" }),
    },
    fund: values.fund,
    configFrom: values["config-from"] ?? null,
    json: values.json,
  };
}

function ready(devnet: StellarDevnet): Record<string, unknown> {
  const { testAsset, chain } = devnet;
  return {
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

function banner(devnet: StellarDevnet, { options, fund }: Wishes): Banner {
  const { chain, testAsset } = devnet;
  const rows: (readonly [string, string])[] = [
    ["RPC", devnet.url],
    ["passphrase", devnet.passphrase],
    ["friendbot", `${devnet.friendbotUrl}?addr=G...`],
    [
      "ledger",
      `${chain.history.latest.sequence}, closing: ${paceText(options.closeEveryMs, PACE_WORDS)}`,
    ],
    ["protocol", String(chain.headerSettings.protocolVersion)],
  ];
  if (options.dataDir !== undefined) rows.push(["data", options.dataDir]);
  for (const address of fund) rows.push(["funded", address]);
  if (testAsset) {
    rows.push(
      ["USDC issuer", `${testAsset.issuer.publicKey()}  (secret ${testAsset.issuer.secret()})`],
      ["USDC contract", testAsset.contractId],
      ["XLM contract", testAsset.nativeContractId],
      ["USDC faucet", `${devnet.faucetUrl}?addr=G...&amount=100  (the account must trust it)`],
    );
  }
  return { title: "Stellar network running", rows };
}
