import { type DevAccount, startAnvil } from "./anvil.ts";
import { readArtefact, readPredeployed } from "./contracts.ts";
import type { Controls, Gift } from "./control.ts";
import { createFaults } from "./faults.ts";
import { startFront } from "./front.ts";
import { type Address, type Hex, quantity } from "./hex.ts";
import { connect, type Rpc } from "./rpc.ts";
import { giveToken, installToken, type Tokens, tokensOf } from "./tokens.ts";

/**
 * When blocks are made: every so many milliseconds; `"instant"`, one per transaction, as it comes;
 * `"manual"`, only by `mine()`.
 */
export type BlockTime = number | "instant" | "manual";

export interface EvmDevnetOptions {
  /** @default 0, a free port */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly hostname?: string;
  /** @default 137, Polygon */
  readonly chainId?: number;
  /** @default 1000; Polygon takes about 2000 */
  readonly blockTimeMs?: BlockTime;
  /** The `safe` block is this many behind the latest, the `finalized` one twice as many. @default 1 */
  readonly slotsInEpoch?: number;
  /** The anvil program. @default that of the npm package for this system */
  readonly anvil?: string;
}

/** A transaction that a reorg leaves on the chain, so many blocks after the first one that is replaced. */
export interface Kept {
  readonly hash: Hex;
  readonly blockOffset: number;
}

export interface EvmDevnet extends Controls {
  /** Of the JSON-RPC server, behind which faults can be planned. */
  readonly url: string;
  readonly chainId: number;
  readonly usdc: Address;
  readonly usdt: Address;
  readonly permit2: Address;
  /** A stand-in for the contract through which x402 spends Permit2 signatures. */
  readonly x402Permit2Proxy: Address;
  readonly multicall3: Address;
  /** Ten accounts with 10,000 of the chain's own coin each, and their well known keys. */
  readonly accounts: readonly DevAccount[];
  /** Asks the chain itself: no fault befalls this. */
  readonly rpc: Rpc;
  /** In base units of the chain's own coin. */
  setBalance(address: Address, atomic: bigint): Promise<void>;
  /**
   * Replaces the last blocks by as many others, empty but for what is kept. Their transactions are gone, as if
   * they had never been sent.
   */
  reorg(depth: number, kept?: readonly Kept[]): Promise<void>;
  close(): Promise<void>;
}

/** The address that x402's proxy for exact Permit2 payments has on every chain. */
const X402_PERMIT2_PROXY = "0x402085c248EeA27D92E8b30b2C58ed07f9E20001";

/** Starts a chain of its own: anvil, the contracts that a shop meets, and a server in front that can fail. */
export async function startEvmDevnet(options: EvmDevnetOptions = {}): Promise<EvmDevnet> {
  const { chainId = 137, port = 0, hostname = "127.0.0.1", anvil: program } = options;
  const anvil = await startAnvil({
    args: argumentsFor(options, chainId),
    ...(program !== undefined && { program }),
  });
  try {
    const rpc = connect(anvil.url);
    const tokens = tokensOf(chainId);
    const { Permit2, Multicall3 } = await installContracts(rpc, tokens);
    const chain = createControls(rpc, tokens);
    const front = await startFront({ port, hostname, chainUrl: anvil.url, controls: chain });
    return {
      ...chain,
      url: front.url,
      chainId,
      usdc: tokens.usdc.address,
      usdt: tokens.usdt.address,
      permit2: Permit2.address,
      x402Permit2Proxy: X402_PERMIT2_PROXY,
      multicall3: Multicall3.address,
      accounts: anvil.accounts,
      rpc,
      async close() {
        await front.close();
        await anvil.stop();
      },
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

function argumentsFor(options: EvmDevnetOptions, chainId: number): string[] {
  const { blockTimeMs = 1000, slotsInEpoch = 1 } = options;
  return [
    `--chain-id=${chainId}`,
    // The newest rules that Polygon and the rollups all follow.
    "--hardfork=prague",
    `--slots-in-an-epoch=${slotsInEpoch}`,
    // Else old states are written to the home folder.
    "--max-persisted-states=0",
    ...(typeof blockTimeMs === "number" ? [`--block-time=${blockTimeMs / 1000}`] : []),
    ...(blockTimeMs === "manual" ? ["--no-mining"] : []),
  ];
}

async function installContracts(rpc: Rpc, { usdc, usdt }: Tokens) {
  const predeployed = readPredeployed();
  for (const { address, code } of Object.values(predeployed)) {
    await rpc("anvil_setCode", [address, code]);
  }
  const { deployedBytecode } = readArtefact("StandInExactPermit2Proxy");
  await rpc("anvil_setCode", [X402_PERMIT2_PROXY, deployedBytecode]);
  await installToken(rpc, usdc);
  await installToken(rpc, usdt);
  return predeployed;
}

type ChainControls = Omit<Controls, "reorg"> & Pick<EvmDevnet, "setBalance" | "reorg">;

function createControls(rpc: Rpc, tokens: Tokens): ChainControls {
  let gifts: Promise<unknown> = Promise.resolve();

  async function setBalance(address: Address, atomic: bigint): Promise<void> {
    await rpc("anvil_setBalance", [address, quantity(atomic)]);
  }

  async function give(address: Address, { usdc, usdt, native }: Gift): Promise<void> {
    if (usdc !== undefined) await giveToken(rpc, tokens.usdc, address, usdc);
    if (usdt !== undefined) await giveToken(rpc, tokens.usdt, address, usdt);
    if (native === undefined) return;
    const before = (await rpc("eth_getBalance", [address, "latest"])) as Hex;
    await setBalance(address, BigInt(before) + native);
  }

  return {
    faults: createFaults(),
    async mine(count = 1) {
      if (count > 0) await rpc("anvil_mine", [quantity(count)]);
    },
    async advanceTime(seconds) {
      await rpc("evm_increaseTime", [quantity(seconds)]);
    },
    setBalance,
    fund(address, gift) {
      // One after the other: each reads a balance and writes it back.
      const given = gifts.then(() => give(address, gift));
      gifts = given.catch(() => {});
      return given;
    },
    async reorg(depth, kept = []) {
      const transactions: unknown[] = [];
      for (const { hash, blockOffset } of kept) {
        transactions.push([await rpc("eth_getRawTransactionByHash", [hash]), blockOffset]);
      }
      await rpc("anvil_reorg", [depth, transactions]);
    },
    latestBlock: async () => Number(await rpc("eth_blockNumber")),
  };
}
