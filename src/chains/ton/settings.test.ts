import { Address } from "@ton/core";
import { mnemonicNew, mnemonicToPrivateKey } from "@ton/crypto";
import { expect, test } from "vitest";
import { keysOfMnemonic } from "./keys.ts";
import { parseTon, type TonConfig, type TonTexts } from "./settings.ts";

const SEED = "11".repeat(32);
const TEXTS: TonTexts = { RPC: "https://ton.example/api/v2/jsonRPC", TREASURY_KEY: SEED };

function config(changes: TonTexts = {}): TonConfig {
  const parsed = parseTon({ ...TEXTS, ...changes });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  return parsed.config;
}

function problems(changes: TonTexts): readonly string[] {
  const parsed = parseTon({ ...TEXTS, ...changes });
  return parsed.kind === "problems" ? parsed.problems : [];
}

test("a server and a key are enough: USDT on mainnet, without x402", () => {
  const { network, asset, jetton, relayKeys, startLt } = config();
  expect(network.caip2).toBe("tvm:-239");
  expect(asset).toEqual({
    id: `tvm:-239/jetton:${jetton.master.slice(2)}`,
    symbol: "USDT",
    decimals: 6,
  });
  expect(relayKeys).toBeNull();
  expect(startLt).toBe(0n);
});

test("a jetton of one's own may be written in any form of address", () => {
  const address = new Address(0, Buffer.alloc(32, 5));
  for (const text of [
    address.toString(),
    address.toString({ urlSafe: false }),
    address.toRawString(),
  ])
    expect(config({ NETWORK: "local", JETTON_MASTER: text, JETTON_SYMBOL: "USDX" })).toMatchObject({
      network: { caip2: "tvm:-217" },
      jetton: { master: address.toRawString(), symbol: "USDX", decimals: 6 },
    });
});

test("words of a TON wallet give the keys that wallets make of them", async () => {
  const words = await mnemonicNew(24);
  const { secretKey } = await mnemonicToPrivateKey(words);
  expect(keysOfMnemonic(words.join(" "))?.secretKey).toEqual(secretKey);
  expect(keysOfMnemonic(` ${words.join("\n").toUpperCase()} `)?.secretKey).toEqual(secretKey);
  const { treasuryKeys } = config({ TREASURY_KEY: "", TREASURY_MNEMONIC: words.join(" ") });
  expect(treasuryKeys.secretKey).toEqual(secretKey);
});

test("a server's address without a path gets the path of a toncenter", () => {
  expect(config({ RPC: "https://ton.example, http://127.0.0.1:8081/x" }).rpcUrls).toEqual([
    "https://ton.example/api/v2/jsonRPC",
    "http://127.0.0.1:8081/x",
  ]);
});

test("LiteServers are named as in a network's configuration: host, port, key", () => {
  const key = Buffer.alloc(32, 251);
  const text = key.toString("base64");
  expect(text).toContain("/");
  const servers = `192.0.2.1:19949/${text}, ton.example:1/${text},[2001:db8::1]:65535/${text}`;
  expect(config({ LITESERVERS: servers }).liteServers).toEqual([
    { host: "192.0.2.1", port: 19949, publicKey: key },
    { host: "ton.example", port: 1, publicKey: key },
    { host: "2001:db8::1", port: 65535, publicKey: key },
  ]);
  expect(config().liteServers).toEqual([]);
  const [problem] = problems({ LITESERVERS: `192.0.2.1:19949/${text},192.0.2.1/secret` });
  expect(problem).toContain("at place 2");
});

const LITE_KEY = `${"1".repeat(43)}=`;

test.each([
  ["NETWORK", { NETWORK: "main" }],
  ["RPC", { RPC: "" }],
  ["RPC", { RPC: "http://ton.example" }],
  ["RPC", { RPC: "https://ton.example,nonsense" }],
  ["TREASURY_KEY", { TREASURY_KEY: "" }],
  ["TREASURY_KEY", { TREASURY_KEY: SEED.slice(2) }],
  ["TREASURY_MNEMONIC", { TREASURY_KEY: "", TREASURY_MNEMONIC: "abandon ".repeat(24) }],
  ["TREASURY_MNEMONIC", { TREASURY_MNEMONIC: "abandon ".repeat(24) }],
  ["RELAY_KEY", { RELAY_KEY: SEED }],
  ["RELAY_KEY", { RELAY_KEY: "secret words" }],
  ["KEEPER_KEY", { KEEPER_KEY: SEED }],
  ["KEEPER_KEY", { RELAY_KEY: "22".repeat(32), KEEPER_KEY: "22".repeat(32) }],
  ["KEEPER_KEY", { KEEPER_KEY: "secret words" }],
  ["LOOKS_PER_S", { LOOKS_PER_S: "0" }],
  ["LOOKS_PER_S", { LOOKS_PER_S: "2.5" }],
  ["JETTON_MASTER", { NETWORK: "testnet" }],
  ["JETTON_MASTER", { JETTON_MASTER: "EQ" }],
  ["JETTON_MASTER", { JETTON_MASTER: `-1:${"0".repeat(64)}` }],
  ["JETTON_SYMBOL", { JETTON_SYMBOL: "usd t" }],
  ["JETTON_DECIMALS", { JETTON_DECIMALS: "19" }],
  ["START_LT", { START_LT: "-1" }],
  ["START_LT", { START_LT: "9007199254740993" }],
  ["EXCHANGES", { EXCHANGES: "somebody" }],
  ["START", { START: "1" }],
  ["LITESERVERS", { LITESERVERS: "ton.example:19949" }],
  ["LITESERVERS", { LITESERVERS: "ton.example:19949/secret" }],
  ["LITESERVERS", { LITESERVERS: `ton.example:0/${LITE_KEY}` }],
  ["LITESERVERS", { LITESERVERS: `ton.example:65536/${LITE_KEY}` }],
  ["LITESERVERS", { LITESERVERS: `https://ton.example:19949/${LITE_KEY}` }],
])("%s is named when it is wrong, and no secret is", (name, changes) => {
  const found = problems(changes);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${name} `));
  expect(found[0]).not.toMatch(/11{10}|secret|abandon|ton\.example/);
});

test("everything that is wrong is told at once", () => {
  const found = problems({ NETWORK: "x", RPC: "", TREASURY_KEY: "", START_LT: "x" });
  expect(found.map((problem) => problem.split(" ")[0])).toEqual([
    "NETWORK",
    "TREASURY_KEY",
    "RPC",
    "START_LT",
  ]);
});
