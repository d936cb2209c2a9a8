import { readArtefact } from "./contracts.ts";
import { type Address, type Hex, word } from "./hex.ts";
import type { Rpc } from "./rpc.ts";

/** A test token at the address of the real one. */
export interface Token {
  readonly address: Address;
  /** Its EIP-712 domain name, where it signs. */
  readonly name: string;
  readonly artefact: "MockUsdc" | "MockUsdt";
}

export interface Tokens {
  readonly usdc: Token;
  readonly usdt: Token;
}

const POLYGON_USDC = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359";
const POLYGON_USDT = "0xc2132D05D31c914a87C6611C10748AEb04B58e8F";
const BASE_SEPOLIA_USDC = "0x036CbD53842c5426634e7929541eC2318f3dCF7e";

/** Where a chain has its tokens. A chain that is not known gets Polygon's. */
export function tokensOf(chainId: number): Tokens {
  const usdc: Token =
    chainId === 84_532
      ? { address: BASE_SEPOLIA_USDC, name: "USDC", artefact: "MockUsdc" }
      : { address: POLYGON_USDC, name: "USD Coin", artefact: "MockUsdc" };
  return { usdc, usdt: { address: POLYGON_USDT, name: "Tether USD", artefact: "MockUsdt" } };
}

/** Puts code and name where the real token lies. */
export async function installToken(rpc: Rpc, { address, name, artefact }: Token): Promise<void> {
  const { deployedBytecode, slots } = readArtefact(artefact);
  await rpc("anvil_setCode", [address, deployedBytecode]);
  await rpc("anvil_setStorageAt", [address, word(slots["name"] ?? 0), shortString(name)]);
}

/** Adds to a balance by writing it, without a block or an event: what waits goes on waiting. */
export async function giveToken(
  rpc: Rpc,
  token: Token,
  holder: Address,
  amountAtomic: bigint,
): Promise<void> {
  const base = readArtefact(token.artefact).slots["balanceOf"] ?? 0;
  const slot = await rpc("web3_sha3", [`${word(holder)}${word(base).slice(2)}`]);
  const before = (await rpc("eth_getStorageAt", [token.address, slot, "latest"])) as Hex;
  await rpc("anvil_setStorageAt", [token.address, slot, word(BigInt(before) + amountAtomic)]);
}

/** How Solidity stores a string of up to 31 bytes: the text, and twice its length in the last byte. */
function shortString(text: string): Hex {
  const bytes = Buffer.alloc(32);
  bytes.write(text, "utf8");
  bytes[31] = Buffer.byteLength(text) * 2;
  return `0x${bytes.toString("hex")}`;
}
