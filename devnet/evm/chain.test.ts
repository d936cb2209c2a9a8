import {
  type Address,
  domainSeparator,
  erc20Abi,
  getAddress,
  keccak256,
  parseSignature,
  toHex,
  zeroAddress,
} from "viem";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Hex } from "./hex.ts";
import { type EvmDevnet, startEvmDevnet } from "./start.ts";
import {
  artefactAt,
  type Authorization,
  balanceOf,
  clientOf,
  signAuthorization,
  type Wallet,
  walletOf,
} from "./test-clients.ts";

const usdcAbi = artefactAt(new URL("contracts/MockUsdc.json", import.meta.url)).abi;
const proxyAbi = artefactAt(
  new URL("contracts/StandInExactPermit2Proxy.json", import.meta.url),
).abi;
const merchant = getAddress("0x00000000000000000000000000000000005ea501");

let devnet: EvmDevnet;
let relay: Wallet;
let buyer: Wallet;

beforeEach(async () => {
  devnet = await startEvmDevnet({ blockTimeMs: "instant" });
  relay = walletOf(devnet, 0);
  buyer = walletOf(devnet, 1);
});

afterEach(() => devnet.close());

let nonces = 0;

function authorization(value: bigint, window: Partial<Authorization> = {}): Authorization {
  nonces += 1;
  const nonce = keccak256(toHex(`nonce-${nonces}`));
  const validBefore = BigInt(Math.floor(Date.now() / 1000) + 600);
  return { to: merchant, value, validAfter: 0n, validBefore, nonce, ...window };
}

/** The relay pays the gas, as a facilitator does. */
async function settle(given: Authorization, signature: Hex): Promise<Hex> {
  const { to, value, validAfter, validBefore, nonce } = given;
  const from = buyer.account.address;
  const args = [from, to, value, validAfter, validBefore, nonce, signature];
  const call = { address: devnet.usdc, abi: usdcAbi, functionName: "transferWithAuthorization" };
  await relay.simulateContract({ ...call, args });
  const hash = await relay.writeContract({ ...call, args });
  await relay.waitForTransactionReceipt({ hash });
  return hash;
}

async function signAndSettle(given: Authorization): Promise<Hex> {
  return settle(given, await signAuthorization(buyer, devnet, given));
}

const merchantUsdc = () => balanceOf(devnet, devnet.usdc, merchant);

test("it is the chain that it says, with the tokens where the real ones are", async () => {
  const client = clientOf(devnet);
  expect(await client.getChainId()).toBe(137);
  expect(devnet.usdc).toBe("0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359");
  const usdc = { address: devnet.usdc, abi: usdcAbi };
  const read = (functionName: string) => client.readContract({ ...usdc, functionName });
  expect(await Promise.all(["name", "version", "symbol", "decimals"].map(read))).toEqual([
    "USD Coin",
    "2",
    "USDC",
    6,
  ]);
  const domain = { name: "USD Coin", version: "2", chainId: 137, verifyingContract: devnet.usdc };
  expect(await read("DOMAIN_SEPARATOR")).toBe(domainSeparator({ domain }));
  const deployer = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
  expect(await client.getCode({ address: deployer })).toBeDefined();
});

test("on Base Sepolia's id, the token has that chain's address and domain name", async () => {
  const other = await startEvmDevnet({ blockTimeMs: "instant", chainId: 84_532 });
  try {
    expect(other.usdc).toBe("0x036CbD53842c5426634e7929541eC2318f3dCF7e");
    const name = { address: other.usdc, abi: usdcAbi, functionName: "name" };
    expect(await clientOf(other).readContract(name)).toBe("USDC");
  } finally {
    await other.close();
  }
});

test("an authorization that viem signed moves the money once, whoever sends it", async () => {
  await devnet.fund(buyer.account.address, { usdc: 10_000_000n });
  const given = authorization(6_210_000n);
  const signature = await signAuthorization(buyer, devnet, given);
  await settle(given, signature);
  expect(await merchantUsdc()).toBe(6_210_000n);
  await expect(settle(given, signature)).rejects.toThrow("authorization is used or canceled");
  expect(await merchantUsdc()).toBe(6_210_000n);
});

test("the form with v, r and s is the same authorization", async () => {
  await devnet.fund(buyer.account.address, { usdc: 5n });
  const given = authorization(5n);
  const { r, s, yParity } = parseSignature(await signAuthorization(buyer, devnet, given));
  const { to, value, validAfter, validBefore, nonce } = given;
  const from = buyer.account.address;
  const args = [from, to, value, validAfter, validBefore, nonce, 27 + yParity, r, s];
  const call = { address: devnet.usdc, abi: usdcAbi, functionName: "transferWithAuthorization" };
  const hash = await relay.writeContract({ ...call, args });
  expect((await relay.waitForTransactionReceipt({ hash })).status).toBe("success");
  expect(await merchantUsdc()).toBe(5n);
});

test("an authorization is refused too early, too late, with another's signature or another amount", async () => {
  await devnet.fund(buyer.account.address, { usdc: 10n });
  const nowS = BigInt(Math.floor(Date.now() / 1000));
  const early = authorization(1n, { validAfter: nowS + 300n });
  await expect(signAndSettle(early)).rejects.toThrow("authorization is not yet valid");
  const late = authorization(1n, { validBefore: nowS - 1n });
  await expect(signAndSettle(late)).rejects.toThrow("authorization is expired");
  const given = authorization(1n);
  const forged = await signAuthorization(relay, devnet, given);
  await expect(settle(given, forged)).rejects.toThrow("invalid signature");
  const other = await signAuthorization(buyer, devnet, { ...given, value: 2n });
  await expect(settle(given, other)).rejects.toThrow("invalid signature");
  await expect(signAndSettle(authorization(11n))).rejects.toThrow("exceeds balance");
  expect(await merchantUsdc()).toBe(0n);
});

test("moving the clock expires what was signed", async () => {
  await devnet.fund(buyer.account.address, { usdc: 1n });
  await devnet.advanceTime(3600);
  await devnet.mine();
  await expect(signAndSettle(authorization(1n))).rejects.toThrow("authorization is expired");
});

test("USDT returns nothing and changes an allowance only through zero", async () => {
  await devnet.fund(buyer.account.address, { usdt: 7n });
  const usdt = { address: devnet.usdt, abi: erc20Abi } as const;
  const approve = (value: bigint) =>
    buyer.simulateContract({ ...usdt, functionName: "approve", args: [merchant, value] });
  // The ABI of a well-behaved token cannot even read the answer.
  await expect(approve(1n)).rejects.toThrow("returned no data");
  await sent(buyer.writeContract({ ...usdt, functionName: "approve", args: [merchant, 1n] }));
  await expect(approve(2n)).rejects.toThrow("set the allowance to zero first");
  await sent(buyer.writeContract({ ...usdt, functionName: "transfer", args: [merchant, 7n] }));
  expect(await balanceOf(devnet, devnet.usdt, merchant)).toBe(7n);
});

async function sent(hash: Promise<Hex>): Promise<void> {
  const receipt = await relay.waitForTransactionReceipt({ hash: await hash });
  expect(receipt.status).toBe("success");
}

test("Permit2 is the real one: its domain is this chain's and its own address", async () => {
  const separator = await devnet.rpc("eth_call", [
    { to: devnet.permit2, data: keccak256(toHex("DOMAIN_SEPARATOR()")).slice(0, 10) },
    "latest",
  ]);
  const domain = { name: "Permit2", chainId: 137, verifyingContract: devnet.permit2 };
  expect(separator).toBe(domainSeparator({ domain }));
});

test("USDT is paid with a Permit2 signature that binds the payee", async () => {
  await devnet.fund(buyer.account.address, { usdt: 6_210_000n });
  const approval = { address: devnet.usdt, abi: erc20Abi, functionName: "approve" } as const;
  await sent(buyer.writeContract({ ...approval, args: [devnet.permit2, 2n ** 256n - 1n] }));
  const permit = {
    permitted: { token: devnet.usdt, amount: 6_210_000n },
    nonce: 1n,
    deadline: BigInt(Math.floor(Date.now() / 1000) + 600),
  };
  const witness = { to: merchant, validAfter: 0n };
  const signature = await signPermit(permit, witness);
  const call = { address: devnet.x402Permit2Proxy, abi: proxyAbi, functionName: "settle" };
  const args = (to: Address) => [permit, buyer.account.address, { ...witness, to }, signature];
  await expect(
    relay.simulateContract({ ...call, args: args(relay.account.address) }),
  ).rejects.toThrow("reverted");
  await expect(relay.simulateContract({ ...call, args: args(zeroAddress) })).rejects.toThrow(
    "InvalidDestination",
  );
  await sent(relay.writeContract({ ...call, args: args(merchant) }));
  expect(await balanceOf(devnet, devnet.usdt, merchant)).toBe(6_210_000n);
  await expect(relay.simulateContract({ ...call, args: args(merchant) })).rejects.toThrow(
    "reverted",
  );
});

function signPermit(
  permit: {
    readonly permitted: { readonly token: Address; readonly amount: bigint };
    readonly nonce: bigint;
    readonly deadline: bigint;
  },
  witness: { readonly to: Address; readonly validAfter: bigint },
): Promise<Hex> {
  return buyer.account.signTypedData({
    domain: { name: "Permit2", chainId: 137, verifyingContract: devnet.permit2 },
    types: {
      PermitWitnessTransferFrom: [
        { name: "permitted", type: "TokenPermissions" },
        { name: "spender", type: "address" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
        { name: "witness", type: "Witness" },
      ],
      TokenPermissions: [
        { name: "token", type: "address" },
        { name: "amount", type: "uint256" },
      ],
      Witness: [
        { name: "to", type: "address" },
        { name: "validAfter", type: "uint256" },
      ],
    },
    primaryType: "PermitWitnessTransferFrom",
    message: { ...permit, spender: devnet.x402Permit2Proxy, witness },
  });
}

test("USDC is paid through Permit2 without an allowance, by a permit that is sent along", async () => {
  await devnet.fund(buyer.account.address, { usdc: 9n });
  const [owner, spender] = [buyer.account.address, devnet.permit2];
  const deadline = BigInt(Math.floor(Date.now() / 1000) + 600);
  const permit = { permitted: { token: devnet.usdc, amount: 9n }, nonce: 2n, deadline };
  const witness = { to: merchant, validAfter: 0n };
  const signature = await signPermit(permit, witness);
  const allowing = await buyer.account.signTypedData({
    domain: { name: "USD Coin", version: "2", chainId: 137, verifyingContract: devnet.usdc },
    types: {
      Permit: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
        { name: "value", type: "uint256" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
    },
    primaryType: "Permit",
    message: { owner, spender, value: 9n, nonce: 0n, deadline },
  });
  const { r, s, yParity } = parseSignature(allowing);
  const sponsored = { value: 9n, deadline, r, s, v: 27 + yParity };
  const proxy = { address: devnet.x402Permit2Proxy, abi: proxyAbi };
  const without = { ...proxy, functionName: "settle", args: [permit, owner, witness, signature] };
  await expect(relay.simulateContract(without)).rejects.toThrow("TRANSFER_FROM_FAILED");
  const args = [sponsored, permit, owner, witness, signature];
  await sent(relay.writeContract({ ...proxy, functionName: "settleWithPermit", args }));
  expect(await merchantUsdc()).toBe(9n);
});

test("gifts made at the same time all arrive, without a block", async () => {
  const before = await devnet.latestBlock();
  const gifts = Array.from({ length: 8 }, () => devnet.fund(merchant, { usdc: 1n, native: 2n }));
  await Promise.all(gifts);
  expect(await merchantUsdc()).toBe(8n);
  expect(await clientOf(devnet).getBalance({ address: merchant })).toBe(16n);
  expect(await devnet.latestBlock()).toBe(before);
});

test("several reads go in one call of Multicall3", async () => {
  await devnet.fund(merchant, { usdc: 3n, usdt: 4n });
  const reads = [devnet.usdc, devnet.usdt].map((address) => {
    return { address, abi: erc20Abi, functionName: "balanceOf", args: [merchant] } as const;
  });
  const multicallAddress = devnet.multicall3;
  const options = { contracts: reads, multicallAddress, allowFailure: false };
  expect(await clientOf(devnet).multicall(options)).toEqual([3n, 4n]);
});

test("after a reorg the payment is gone, the head is as high, and the same authorization is good again", async () => {
  await devnet.fund(buyer.account.address, { usdc: 10n });
  const client = clientOf(devnet);
  const given = authorization(6n);
  const signature = await signAuthorization(buyer, devnet, given);
  const hash = await settle(given, signature);
  const paid = await client.getTransactionReceipt({ hash });
  await devnet.mine(2);
  const head = await devnet.latestBlock();

  await devnet.reorg(3);
  expect(await devnet.latestBlock()).toBe(head);
  const now = await client.getBlock({ blockNumber: paid.blockNumber });
  expect(now.hash).not.toBe(paid.blockHash);
  await expect(client.getTransactionReceipt({ hash })).rejects.toThrow("could not be found");
  expect(await merchantUsdc()).toBe(0n);
  expect(await balanceOf(devnet, devnet.usdc, buyer.account.address)).toBe(10n);

  await settle(given, signature);
  expect(await merchantUsdc()).toBe(6n);
});

test("a reorg can put a payment into another block", async () => {
  await devnet.fund(buyer.account.address, { usdc: 10n });
  const client = clientOf(devnet);
  const hash = await signAndSettle(authorization(6n));
  const before = await client.getTransactionReceipt({ hash });
  await devnet.mine(2);
  await devnet.reorg(3, [{ hash, blockOffset: 1 }]);
  const after = await client.getTransactionReceipt({ hash });
  expect(after.blockNumber).toBe(before.blockNumber + 1n);
  expect(await merchantUsdc()).toBe(6n);
});

test("a block is safe after one more and final after two", async () => {
  await devnet.mine(5);
  const client = clientOf(devnet);
  const number = async (blockTag: "latest" | "safe" | "finalized") =>
    (await client.getBlock({ blockTag })).number;
  const latest = await number("latest");
  expect([latest - (await number("safe")), latest - (await number("finalized"))]).toEqual([1n, 2n]);
});
