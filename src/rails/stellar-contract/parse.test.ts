import { Keypair } from "@stellar/stellar-sdk/base";
import { expect, test } from "vitest";
import { LOCAL_PASSPHRASE } from "../../../devnet/stellar/index.ts";
import { PRESETS, railAssets } from "./network.ts";
import { parseConfig, type StellarContractSettings } from "./parse.ts";

const keys = [1, 2, 3].map((byte) => Keypair.fromRawEd25519Seed(new Uint8Array(32).fill(byte)));
const [treasury, keeper, channel] = keys as [Keypair, Keypair, Keypair];

const GOOD: StellarContractSettings = {
  network: "testnet",
  receiverContractId: "CBIELTK6YBZJU5UP2WWQEUCYKLPU6AUNZ2BQ4WWFEIE3USCIHMXQDAMA",
  receiverWasmSha256: "AB".repeat(32),
  treasurySecret: treasury.secret(),
  channelSecrets: [channel.secret()],
  keeperSecret: keeper.secret(),
};

function problemsOf(changes: Partial<StellarContractSettings>): readonly string[] {
  const parsed = parseConfig({ ...GOOD, ...changes });
  return parsed.kind === "problems" ? parsed.problems : [];
}

test("a filled-in preset is a whole configuration", () => {
  expect(parseConfig(GOOD)).toMatchObject({
    kind: "config",
    config: {
      passphrase: "Test SDF Network ; September 2015",
      rpcUrls: ["https://soroban-testnet.stellar.org"],
      receiverWasmSha256: "ab".repeat(32),
      treasury: { address: treasury.publicKey() },
      startLedger: null,
    },
  });
});

test("the presets' USDC issuers are Circle's: their asset contracts are the published ones", () => {
  const contractOf = (network: "testnet" | "pubnet"): string =>
    railAssets({ network, ...PRESETS[network] }).usdc.contractId;
  expect(contractOf("testnet")).toBe("CBIELTK6YBZJU5UP2WWQEUCYKLPU6AUNZ2BQ4WWFEIE3USCIHMXQDAMA");
  expect(contractOf("pubnet")).toBe("CCW67TSZV3SSS2HXMBQ5JFGCKJNXKZM7UQUWUZPUTHXSTZLEO7SJMI75");
});

test("the local preset is the network that the development chain calls itself", () => {
  expect(PRESETS.local.passphrase).toBe(LOCAL_PASSPHRASE);
});

test("everything that is wrong is said at once, and no secret is repeated", () => {
  const problems = problemsOf({
    network: "pubnet",
    receiverContractId: "C123",
    receiverWasmSha256: "zz",
    treasurySecret: "SBAD",
    keeperSecret: keeper.publicKey(),
    channelSecrets: ["nonsense"],
    startLedger: 0,
    tuning: { payoutValidityS: 1, pollMinMs: 2_000, ttlLowLedgers: 600_000 },
  });
  expect(problems).toEqual([
    "rpcUrls names no RPC address",
    "receiverContractId is not a contract address (C…)",
    "receiverWasmSha256 is not 64 hex digits",
    "startLedger is not a positive whole number",
    "treasuryAddress is not an account address (G…)",
    "treasurySecret is not a secret key (S…)",
    "keeperSecret is not a secret key (S…)",
    "channelSecrets[0] is not a secret key (S…)",
    "payoutValidityS must be a whole number from 10 to 3600",
    "pollMinMs is greater than pollMaxMs",
    "ttlLowLedgers must be less than ttlTargetLedgers",
  ]);
  expect(problems.join()).not.toMatch(/SBAD|nonsense/);
});

test("plain http is for the local network only: on the way anybody could invent deposits", () => {
  const rpcUrls = ["http://rpc.example"];
  expect(problemsOf({ rpcUrls })).toEqual([
    "rpcUrls[0] is not an https address (http only on the local network)",
  ]);
  expect(problemsOf({ rpcUrls, network: "local", usdcIssuer: treasury.publicKey() })).toEqual([]);
});

test("one account cannot play two parts: they would take each other's sequence numbers", () => {
  const said = ["treasury, keeper and channel accounts must all differ"];
  expect(problemsOf({ keeperSecret: treasury.secret() })).toEqual(said);
  expect(problemsOf({ channelSecrets: [channel.secret(), channel.secret()] })).toEqual(said);
  expect(problemsOf({ treasuryAddress: keeper.publicKey() })).toEqual(said);
});

test("an unknown network is refused", () => {
  for (const network of ["mainnet", "constructor", ""]) {
    expect(problemsOf({ network })).toEqual(['network must be "local", "testnet" or "pubnet"']);
  }
});

test("assets are named by their chain, so that USDC of two networks never compares equal", () => {
  const { usdc, xlm } = railAssets({ network: "pubnet", ...PRESETS.pubnet });
  expect(usdc.asset.id).toBe(
    "stellar:pubnet/asset:USDC-GA5ZSEJYB37JRC5AVCIA5MOP4RHTM335X2KGX3IHOJAPP5RE34K4KZVN",
  );
  expect(xlm.asset).toEqual({ id: "stellar:pubnet/slip44:148", symbol: "XLM", decimals: 7 });
});
