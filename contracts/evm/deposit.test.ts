import {
  type Address,
  decodeFunctionData,
  erc20Abi,
  getAddress,
  getContractAddress,
  type Hex,
  keccak256,
  toHex,
  zeroAddress,
} from "viem";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { startEvmDevnet, type EvmDevnet } from "../../devnet/evm/index.ts";
import {
  artefactAt,
  balanceOf,
  clientOf,
  type Wallet,
  walletOf,
} from "../../devnet/evm/test-clients.ts";
import { instructionsOf, selectorsOf } from "./bytecode.ts";

const forwarder = artefactAt(new URL("DepositForwarder.json", import.meta.url));
const factory = artefactAt(new URL("DepositFactory.json", import.meta.url));

let devnet: EvmDevnet;
let shop: Wallet;
let buyer: Wallet;
let stranger: Wallet;
/** Has nothing, and nobody's key is used for it. */
const treasury = getAddress("0x00000000000000000000000000000000005ea501");
let forwarderAddress: Address;
let factoryAddress: Address;

beforeAll(async () => {
  devnet = await startEvmDevnet({ blockTimeMs: "instant" });
  shop = walletOf(devnet, 0);
  buyer = walletOf(devnet, 1);
  stranger = walletOf(devnet, 2);
  forwarderAddress = await deploy(forwarder, [treasury]);
  factoryAddress = await deploy(factory, [forwarderAddress]);
  // The first token that an address ever gets costs more gas than the later ones.
  await devnet.fund(treasury, { usdc: 1n, usdt: 1n });
});

afterAll(() => devnet.close());

async function deploy(
  { abi, bytecode }: typeof factory,
  args: readonly unknown[],
): Promise<Address> {
  const hash = await shop.deployContract({ abi, bytecode, args });
  const { contractAddress } = await shop.waitForTransactionReceipt({ hash });
  if (!contractAddress) throw new Error("nothing was deployed");
  return contractAddress;
}

let orders = 0;
let id: Hex;
let deposit: Address;

beforeEach(async () => {
  orders += 1;
  id = keccak256(toHex(`order-${orders}`));
  deposit = await depositOf(id);
});

async function depositOf(of: Hex): Promise<Address> {
  const call = { address: factoryAddress, abi: factory.abi, functionName: "addressOf" };
  return (await shop.readContract({ ...call, args: [of] })) as Address;
}

async function pay(token: Address, to: Address, value: bigint): Promise<void> {
  await devnet.fund(buyer.account.address, { usdc: value, usdt: value });
  const call = { address: token, abi: erc20Abi, functionName: "transfer" } as const;
  await buyer.waitForTransactionReceipt({
    hash: await buyer.writeContract({ ...call, args: [to, value] }),
  });
}

/** Gas used. */
async function flush(by: Wallet, of: Hex, token: Address): Promise<bigint> {
  return factoryCall(by, "flush", [of, token]);
}

async function factoryCall(
  by: Wallet,
  functionName: string,
  args: readonly unknown[],
): Promise<bigint> {
  const call = { address: factoryAddress, abi: factory.abi, functionName, args };
  const hash = await by.writeContract(call);
  const receipt = await by.waitForTransactionReceipt({ hash });
  expect(receipt.status).toBe("success");
  return receipt.gasUsed;
}

/** What the treasury gets while `action` runs. */
async function gained(token: Address, action: () => Promise<unknown>): Promise<bigint> {
  const before = await balanceOf(devnet, token, treasury);
  await action();
  return (await balanceOf(devnet, token, treasury)) - before;
}

test("the address of an id is its CREATE2 address, known before anything is there", async () => {
  const target = forwarderAddress.slice(2).toLowerCase();
  const initCode: Hex = `0x3d602d80600a3d3981f3363d3d373d3d3d363d73${target}5af43d82803e903d91602b57fd5bf3`;
  const create2 = {
    opcode: "CREATE2",
    from: factoryAddress,
    salt: id,
    bytecode: initCode,
  } as const;
  expect(deposit).toBe(getContractAddress(create2));
  expect(await shop.getCode({ address: deposit })).toBeUndefined();
  await flush(stranger, id, devnet.usdc);
  expect(await shop.getCode({ address: deposit })).toBe(`0x${initCode.slice(2 + 20)}`);
});

test("a payment to an address without code is flushed by a stranger, and the treasury has it", async () => {
  await pay(devnet.usdc, deposit, 6_210_000n);
  const before = await balanceOf(devnet, devnet.usdc, stranger.account.address);
  const got = await gained(devnet.usdc, () => flush(stranger, id, devnet.usdc));
  expect(got).toBe(6_210_000n);
  expect(await balanceOf(devnet, devnet.usdc, deposit)).toBe(0n);
  expect(await balanceOf(devnet, devnet.usdc, stranger.account.address)).toBe(before);
});

test("what comes late, after a flush that found nothing, is not stuck", async () => {
  await flush(shop, id, devnet.usdc);
  await pay(devnet.usdc, deposit, 1n);
  expect(await gained(devnet.usdc, () => flush(shop, id, devnet.usdc))).toBe(1n);
});

test("a second payment is flushed like the first, for less gas", async () => {
  await pay(devnet.usdc, deposit, 5n);
  const first = await flush(shop, id, devnet.usdc);
  await pay(devnet.usdc, deposit, 7n);
  let second = 0n;
  const got = await gained(devnet.usdc, async () => {
    second = await flush(shop, id, devnet.usdc);
  });
  expect(got).toBe(7n);
  expect(first).toBeLessThan(100_000n);
  expect(second).toBeLessThan(first - 30_000n);
});

test("a token without return values is flushed too, and one token leaves the other alone", async () => {
  await pay(devnet.usdt, deposit, 3n);
  await pay(devnet.usdc, deposit, 4n);
  expect(await gained(devnet.usdt, () => flush(shop, id, devnet.usdt))).toBe(3n);
  expect(await balanceOf(devnet, devnet.usdc, deposit)).toBe(4n);
  expect(await gained(devnet.usdc, () => flush(shop, id, devnet.usdc))).toBe(4n);
});

test("the chain's own coin goes the same way, before and after there is code", async () => {
  const balance = () => shop.getBalance({ address: treasury });
  for (const value of [10n, 11n]) {
    const before = await balance();
    const hash = await buyer.sendTransaction({ to: deposit, value });
    await buyer.waitForTransactionReceipt({ hash });
    await flush(stranger, id, zeroAddress);
    expect((await balance()) - before).toBe(value);
  }
});

test("many are flushed at once, paid or not, and the answer is their sum", async () => {
  const ids = ["a", "b", "c"].map((name) => keccak256(toHex(`${id}${name}`)));
  const [first, , third] = ids;
  if (!first || !third) throw new Error("unreachable");
  await pay(devnet.usdc, await depositOf(first), 20n);
  await pay(devnet.usdc, await depositOf(third), 22n);
  const call = { address: factoryAddress, abi: factory.abi, functionName: "flushMany" };
  const args = [ids, devnet.usdc];
  expect((await shop.simulateContract({ ...call, args })).result).toBe(42n);
  expect(await gained(devnet.usdc, () => factoryCall(shop, "flushMany", args))).toBe(42n);
});

test("a transfer that the token refuses is an error and no loss; it works once the token does", async () => {
  await pay(devnet.usdc, deposit, 9n);
  await blacklist(deposit, true);
  const call = { address: factoryAddress, abi: [...factory.abi, ...forwarder.abi] };
  const args = [id, devnet.usdc];
  const refused = shop.simulateContract({ ...call, functionName: "flush", args });
  await expect(refused).rejects.toThrow("TransferFailed");
  await blacklist(deposit, false);
  expect(await gained(devnet.usdc, () => flush(shop, id, devnet.usdc))).toBe(9n);
});

async function blacklist(account: Address, isBlacklisted: boolean): Promise<void> {
  const token = artefactAt(new URL("../../devnet/evm/contracts/MockUsdc.json", import.meta.url));
  const call = { address: devnet.usdc, abi: token.abi, functionName: "setBlacklisted" };
  const hash = await shop.writeContract({ ...call, args: [account, isBlacklisted] });
  await shop.waitForTransactionReceipt({ hash });
}

test("what is no token is an error", async () => {
  const call = { address: factoryAddress, abi: factory.abi, functionName: "flush" };
  const nobody = shop.simulateContract({ ...call, args: [id, buyer.account.address] });
  await expect(nobody).rejects.toThrow("reverted");
});

test("money sent to the implementation by mistake goes to the treasury as well", async () => {
  await pay(devnet.usdc, forwarderAddress, 2n);
  const call = { address: forwarderAddress, abi: forwarder.abi, functionName: "flush" };
  const flushed = async () => {
    const hash = await stranger.writeContract({ ...call, args: [devnet.usdc] });
    await stranger.waitForTransactionReceipt({ hash });
  };
  expect(await gained(devnet.usdc, flushed)).toBe(2n);
});

function selector(signature: string): string {
  return keccak256(toHex(signature)).slice(0, 10);
}

test("there is no deposit contract without a treasury, and no factory without an implementation", async () => {
  await expect(deploy(forwarder, [zeroAddress])).rejects.toThrow(selector("NoTreasury()"));
  await expect(deploy(factory, [buyer.account.address])).rejects.toThrow(
    selector("NoImplementation()"),
  );
});

function signatures({ abi }: typeof factory): string[] {
  const entries = abi.filter((entry) => entry.type !== "error");
  return entries.map((entry) => {
    const types = "inputs" in entry ? entry.inputs.map(({ type }) => type) : [];
    return `${"name" in entry ? entry.name : entry.type}(${types.join(",")})`;
  });
}

test("the interfaces are these and nothing more", () => {
  expect(signatures(forwarder).toSorted()).toEqual([
    "constructor(address)",
    "flush(address)",
    "receive()",
    "treasury()",
  ]);
  expect(signatures(factory).toSorted()).toEqual([
    "addressOf(bytes32)",
    "constructor(address)",
    "flush(bytes32,address)",
    "flushMany(bytes32[],address)",
    "implementation()",
  ]);
});

test("what is not in the interface is not callable either", () => {
  const of = (artefact: typeof factory) =>
    signatures(artefact)
      .filter((text) => !/^(?:constructor|receive)/.test(text))
      .map(selector)
      .toSorted();
  expect(selectorsOf(forwarder.deployedBytecode)).toEqual(of(forwarder));
  expect(selectorsOf(factory.deployedBytecode)).toEqual(of(factory));
});

/** How often the code has each of the instructions that could make it more than it says. */
function powersOf({ deployedBytecode }: typeof factory): Record<string, number> {
  const powers: Record<string, number> = {};
  for (const { name } of instructionsOf(deployedBytecode)) {
    if (name !== null) powers[name] = (powers[name] ?? 0) + 1;
  }
  return powers;
}

test("the code stores nothing, ends nothing and lends itself to nobody", () => {
  // Two calls that can change something: the coin and the token's transfer. The balance is a STATICCALL.
  expect(powersOf(forwarder)).toEqual({ CALL: 2, STATICCALL: 1 });
  expect(powersOf(factory)).toEqual({ CALL: 1, CREATE2: 1 });
});

test("on the chain lies the committed code, but for the immutables, which are these", async () => {
  const places = forwarder.immutables.flat();
  const code = await clientOf(devnet).getCode({ address: forwarderAddress });
  const filled = places.map(({ start, length }) => bytesOf(code, start, length));
  expect(places.length).toBeGreaterThan(0);
  expect(new Set(filled)).toEqual(new Set([treasury.slice(2).toLowerCase().padStart(64, "0")]));
  let blank = code ?? "0x";
  for (const { start, length } of places) {
    const [from, to] = [2 + start * 2, 2 + (start + length) * 2];
    blank = `0x${blank.slice(2, from)}${"0".repeat(length * 2)}${blank.slice(to)}`;
  }
  expect(blank).toBe(forwarder.deployedBytecode);
});

function bytesOf(code: Hex | undefined, start: number, length: number): string {
  return (code ?? "").slice(2 + start * 2, 2 + (start + length) * 2);
}

test("of a token, the contract calls balanceOf and transfer to the treasury and nothing else", async () => {
  await pay(devnet.usdc, deposit, 5n);
  const args = [id, devnet.usdc] as const;
  const call = { address: factoryAddress, abi: factory.abi, functionName: "flush", args };
  const hash = await stranger.writeContract(call);
  await stranger.waitForTransactionReceipt({ hash });
  const trace = await devnet.rpc("debug_traceTransaction", [hash, { tracer: "callTracer" }]);
  const toToken = callsIn(trace as Trace).filter(({ to }) => to === devnet.usdc.toLowerCase());
  const data = toToken.map(({ input }) => decodeFunctionData({ abi: erc20Abi, data: input }));
  expect(data).toEqual([
    { functionName: "balanceOf", args: [deposit] },
    { functionName: "transfer", args: [treasury, 5n] },
  ]);
});

interface Trace {
  readonly to?: string;
  readonly input: Hex;
  readonly calls?: readonly Trace[];
}

function callsIn(trace: Trace): Trace[] {
  return [trace, ...(trace.calls ?? []).flatMap(callsIn)];
}
