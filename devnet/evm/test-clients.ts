import {
  type Abi,
  createPublicClient,
  createWalletClient,
  defineChain,
  erc20Abi,
  http,
  publicActions,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { readFileSync } from "node:fs";
import type { Address, Hex } from "./hex.ts";
import type { EvmDevnet } from "./start.ts";

/** The stock client, as a shop would have it, without retries of its own. */
export function clientOf(devnet: EvmDevnet) {
  return createPublicClient(viemOptions(devnet));
}

/** One of the chain's ten accounts. */
export function walletOf(devnet: EvmDevnet, index: number) {
  const key = devnet.accounts[index]?.privateKey;
  if (key === undefined) throw new Error(`there is no account ${index}`);
  const account = privateKeyToAccount(key);
  return createWalletClient({ ...viemOptions(devnet), account }).extend(publicActions);
}

export type Wallet = ReturnType<typeof walletOf>;

function viemOptions({ chainId, url }: EvmDevnet) {
  const chain = defineChain({
    id: chainId,
    name: "local",
    nativeCurrency: { name: "POL", symbol: "POL", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const transport = http(url, { retryCount: 0, timeout: 10_000 });
  return { chain, transport, pollingInterval: 20, cacheTime: 0 };
}

interface Artefact {
  readonly abi: Abi;
  readonly bytecode: Hex;
  readonly deployedBytecode: Hex;
  readonly immutables: readonly (readonly { readonly start: number; readonly length: number }[])[];
}

export function artefactAt(file: URL): Artefact {
  return JSON.parse(readFileSync(file, "utf8")) as Artefact;
}

export function balanceOf(devnet: EvmDevnet, token: Address, holder: Address): Promise<bigint> {
  return clientOf(devnet).readContract({
    address: token,
    abi: erc20Abi,
    functionName: "balanceOf",
    args: [holder],
  });
}

export interface Authorization {
  readonly to: Address;
  readonly value: bigint;
  readonly validAfter: bigint;
  readonly validBefore: bigint;
  readonly nonce: Hex;
}

const AUTHORIZATION_TYPES = {
  TransferWithAuthorization: [
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "value", type: "uint256" },
    { name: "validAfter", type: "uint256" },
    { name: "validBefore", type: "uint256" },
    { name: "nonce", type: "bytes32" },
  ],
} as const;

/** An EIP-3009 signature, made by viem and nothing of ours. */
export function signAuthorization(
  wallet: Wallet,
  devnet: EvmDevnet,
  authorization: Authorization,
): Promise<Hex> {
  return wallet.account.signTypedData({
    domain: {
      name: devnet.chainId === 84_532 ? "USDC" : "USD Coin",
      version: "2",
      chainId: devnet.chainId,
      verifyingContract: devnet.usdc,
    },
    types: AUTHORIZATION_TYPES,
    primaryType: "TransferWithAuthorization",
    message: { from: wallet.account.address, ...authorization },
  });
}
