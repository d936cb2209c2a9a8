import { expect, test } from "vitest";
import { depositContracts } from "./deposit-contracts.ts";
import { type EvmConfig, type EvmTexts, parseEvm } from "./settings.ts";

const KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
const OTHER_KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const THIRD_KEY = "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
const ADDRESS = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
const TEXTS: EvmTexts = { RPC: "https://rpc.example/v2/secret-path", TREASURY_KEY: KEY };

function config(changes: EvmTexts = {}, chainId = "137"): EvmConfig {
  const parsed = parseEvm(chainId, { ...TEXTS, ...changes });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  return parsed.config;
}

function problems(changes: EvmTexts, chainId = "137"): readonly string[] {
  const parsed = parseEvm(chainId, { ...TEXTS, ...changes });
  return parsed.kind === "problems" ? parsed.problems : [];
}

test("a server and the treasury's key are enough on a known chain", () => {
  const { tokens, ...rest } = config();
  expect(rest).toMatchObject({
    chainId: 137,
    caip2: "eip155:137",
    treasury: ADDRESS,
    facilitator: { kind: "embedded" },
    finality: { kind: "finalized" },
    depositFactory: null,
    keeperKey: null,
    startBlock: null,
  });
  expect(rest.network.x402V1Name).toBe("polygon");
  expect(tokens.map(({ asset }) => asset)).toEqual([
    {
      id: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359",
      symbol: "USDC",
      decimals: 6,
    },
    {
      id: "eip155:137/erc20:0xc2132d05d31c914a87c6611c10748aeb04b58e8f",
      symbol: "USDT",
      decimals: 6,
    },
  ]);
  expect(tokens.map(({ method }) => method)).toEqual([
    { kind: "eip3009", domain: { name: "USD Coin", version: "2" } },
    { kind: "permit2" },
  ]);
});

test("everything may be said otherwise", () => {
  const parsed = config(
    {
      RPC: "https://one.example, http://127.0.0.1:8545,http://node:8545",
      TREASURY: ADDRESS.toLowerCase(),
      RELAY_KEYS: `${OTHER_KEY},${THIRD_KEY.slice(2)}`,
      FACILITATOR: "https://facilitator.example/v2",
      FACILITATOR_KEY_ID: "id",
      FACILITATOR_KEY_SECRET: "secret",
      FINALITY: "6",
      ASSETS: `EURC:${ADDRESS}:18:eip3009:Euro Coin:1, USDT:0xc2132D05D31c914a87C6611C10748AEb04B58e8F:6:permit2`,
      START_BLOCK: "70000000",
      EXCHANGES: ADDRESS,
      MAX_FEE_GWEI: "900",
    },
    "31337",
  );
  expect(parsed).toMatchObject({
    rpcUrls: ["https://one.example", "http://127.0.0.1:8545", "http://node:8545"],
    relayKeys: [OTHER_KEY, THIRD_KEY],
    facilitator: {
      kind: "remote",
      url: "https://facilitator.example/v2",
      key: { id: "id", secret: "secret" },
    },
    finality: { kind: "depth", blocks: 6 },
    startBlock: 70_000_000,
    exchanges: new Set([ADDRESS.toLowerCase()]),
    maxFeeWei: 900n * 10n ** 9n,
    network: { x402V1Name: null },
  });
  expect(parsed.tokens).toMatchObject([
    {
      asset: { id: `eip155:31337/erc20:${ADDRESS.toLowerCase()}`, symbol: "EURC", decimals: 18 },
      method: { kind: "eip3009", domain: { name: "Euro Coin", version: "1" } },
    },
    { asset: { symbol: "USDT" }, method: { kind: "permit2" } },
  ]);
});

test("the deposit factory is the treasury's own, and needs somebody who pays for emptying", () => {
  const factory = depositContracts(ADDRESS).factory.address;
  expect(config({ DEPOSIT_FACTORY: factory, KEEPER_KEY: OTHER_KEY })).toMatchObject({
    depositFactory: factory,
    keeperKey: OTHER_KEY,
  });
  expect(problems({ DEPOSIT_FACTORY: factory })).toEqual([
    "KEEPER_KEY is missing: it pays the gas of emptying deposit addresses",
  ]);
  expect(problems({ DEPOSIT_FACTORY: ADDRESS, KEEPER_KEY: OTHER_KEY })).toEqual([
    `DEPOSIT_FACTORY is not the factory of this treasury, which is ${factory}`,
  ]);
});

test.each<[string, EvmTexts, string]>([
  ["no server", { RPC: " " }, "RPC is missing: the address of a JSON-RPC server of the chain"],
  [
    "a server in plain http",
    { RPC: "https://ok.example,http://rpc.example/key" },
    "RPC names at place 2 no https address (http only for this machine)",
  ],
  ["no key", { TREASURY_KEY: "" }, "TREASURY_KEY is missing: it signs refunds"],
  [
    "half a key",
    { TREASURY_KEY: KEY.slice(0, 40) },
    "TREASURY_KEY is not a private key of 64 hex digits",
  ],
  [
    "another key",
    { TREASURY: ADDRESS, TREASURY_KEY: OTHER_KEY },
    "TREASURY_KEY is not the key of TREASURY",
  ],
  [
    "one key for two",
    { RELAY_KEYS: `${OTHER_KEY},${KEY}` },
    "RELAY_KEYS, KEEPER_KEY and TREASURY_KEY must all differ",
  ],
  [
    "a mistyped address",
    { EXCHANGES: ADDRESS.replace("F", "f") },
    "EXCHANGES is not an address: its checksum is wrong",
  ],
  ["no address", { TREASURY: "0x12" }, "TREASURY is not an address (0x and 40 hex digits)"],
  [
    "a depth of none",
    { FINALITY: "0" },
    'FINALITY must be "finalized" or a number of blocks such as 6',
  ],
  [
    "a facilitator nowhere",
    { FACILITATOR: "coinbase" },
    'FACILITATOR must be "embedded" or an https address',
  ],
  [
    "half of a facilitator's key",
    { FACILITATOR: "https://f.example", FACILITATOR_KEY_ID: "id" },
    "FACILITATOR_KEY_ID and FACILITATOR_KEY_SECRET go together",
  ],
  ["a block below zero", { START_BLOCK: "-1" }, "START_BLOCK must be a whole number from 0"],
  ["gas for nothing", { MAX_FEE_GWEI: "0" }, "MAX_FEE_GWEI must be a whole number from 1"],
  [
    "a token twice",
    { ASSETS: `A:${ADDRESS}:6:permit2,B:${ADDRESS}:6:permit2` },
    "ASSETS: B is named twice",
  ],
  ["a token without decimals", { ASSETS: `A:${ADDRESS}::permit2` }, "ASSETS: A has no decimals"],
  [
    "a token that moves in no known way",
    { ASSETS: `A:${ADDRESS}:6:eip3009` },
    "ASSETS: A must be written as SYMBOL:0xADDRESS:DECIMALS:permit2, or SYMBOL:0xADDRESS:DECIMALS:eip3009:NAME:VERSION",
  ],
])("%s is a problem that names its setting", (_, changes, problem) => {
  expect(problems(changes)).toEqual([problem]);
});

test("a chain that is not known must name its tokens; a setting that is none is told", () => {
  expect(problems({}, "31337")).toEqual([
    "ASSETS is missing: this chain is not known, so its tokens must be named",
  ]);
  expect(problems({ RPCS: "https://rpc.example" })[0]).toMatch(
    /^RPCS is not a setting; there are RPC, /,
  );
  expect(problems({}, "0x89")).toEqual(["the chain id must be a whole number above zero"]);
});

test("all problems are told at once, and none repeats a key or an address of a server", () => {
  const secrets = ["deadbeef".repeat(7), "http://user:secret@rpc.example", `${OTHER_KEY}ff`];
  const all = problems({
    TREASURY_KEY: secrets[0] ?? "",
    RPC: secrets[1] ?? "",
    RELAY_KEYS: secrets[2] ?? "",
    FINALITY: "soon",
  });
  expect(all).toHaveLength(4);
  for (const secret of [...secrets, "secret", "deadbeef"]) expect(all.join()).not.toContain(secret);
});
