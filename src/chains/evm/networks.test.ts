import { findDefaultAsset } from "@x402/evm";
import { EVM_NETWORK_CHAIN_ID_MAP } from "@x402/evm/v1";
import { getAddress } from "viem";
import { expect, test } from "vitest";
import { networkOf, tokenOn } from "./networks.ts";

const KNOWN = [1, 10, 137, 8453, 42_161, 43_113, 43_114, 80_002, 84_532];

test.each(KNOWN)(
  "the tokens of chain %i have addresses with right checksums and ids of their own",
  (id) => {
    const { tokens } = networkOf(id);
    expect(tokens.length).toBeGreaterThan(0);
    for (const { address } of tokens) expect(getAddress(address)).toBe(address);
    const ids = tokens.map((entry) => tokenOn(id, entry).asset.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((one) => one.startsWith(`eip155:${id}/erc20:0x`))).toBe(true);
  },
);

test.each([1, 137, 8453, 42_161, 43_114, 84_532])(
  "USDC of chain %i and its signing domain are those that x402's own clients know",
  (id) => {
    const usdc = networkOf(id).tokens.find(({ symbol }) => symbol === "USDC");
    const theirs = findDefaultAsset(usdc?.address ?? "", `eip155:${id}`);
    expect(theirs).toMatchObject({ asset: usdc?.address, decimals: usdc?.decimals });
    const { name, version } = theirs ?? {};
    expect(usdc?.method).toEqual({ kind: "eip3009", domain: { name, version } });
  },
);

test("the names of version 1 are x402's", () => {
  const theirs = new Map<number, string>(
    Object.entries(EVM_NETWORK_CHAIN_ID_MAP).map(([name, id]) => [id, name]),
  );
  for (const id of KNOWN) expect(networkOf(id).x402V1Name).toBe(theirs.get(id) ?? null);
});

test("a chain that is not known has no tokens, and waits for the chain's own word on finality", () => {
  expect(networkOf(31_337)).toMatchObject({
    name: "chain 31337",
    x402V1Name: null,
    finality: { kind: "finalized" },
    tokens: [],
  });
});
