import { type Address, Cell } from "@ton/core";
import { createChain, type TonChain } from "./chain.ts";
import type { Controls, Gift } from "./control.ts";
import { createFaults } from "./faults.ts";
import { startFront } from "./front.ts";
import { createJetton, internalMessage, type Jetton, NOBODY } from "./jetton.ts";
import { createLiteFaults } from "./lite-server/faults.ts";
import { type LiteServer, startLiteServer } from "./lite-server/server.ts";

/**
 * When blocks are made: every so many milliseconds; `"instant"`, one for each message from outside, with all that
 * follows from it; `"manual"`, only by `closeBlocks()`.
 */
export type BlockTime = number | "instant" | "manual";

export interface TonDevnetOptions {
  /** @default 0, a free port */
  readonly port?: number;
  /** Of the lite server. @default 0, a free port */
  readonly liteServerPort?: number;
  /** @default "127.0.0.1" */
  readonly hostname?: string;
  /** @default 1000 */
  readonly blockTimeMs?: BlockTime;
  /**
   * A message between contracts arrives in the block after the one that sent it, so that a transfer can be seen
   * half done. Not with instant blocks. @default false
   */
  readonly isOneHopPerBlock?: boolean;
  /** The oldest ones are forgotten beyond that, by archives too. @default 50000 */
  readonly maxTransactions?: number;
  /** Unix milliseconds. @default Date.now */
  readonly now?: () => number;
}

export interface TonDevnet extends Controls {
  /** The endpoint for the stock client: `new TonClient({ endpoint: devnet.url })`. */
  readonly url: string;
  /** The same chain for clients that speak ADNL. */
  readonly liteServer: LiteServer;
  /** Where the test USDT of an owner lies, deployed or not. */
  jettonWalletOf(owner: Address): Address;
  close(): Promise<void>;
}

/** Enough for a lite server that is asked about a block of seconds ago. */
const MAX_REPLACED_STATES = 2_000;

/** Starts a chain of its own with a jetton like USDT, behind toncenter's API and a lite server, which can fail. */
export async function startTonDevnet(options: TonDevnetOptions = {}): Promise<TonDevnet> {
  const { port = 0, hostname = "127.0.0.1", blockTimeMs = 1000 } = options;
  const isInstant = blockTimeMs === "instant";
  if (isInstant && options.isOneHopPerBlock === true) {
    throw new Error("one hop per block needs blocks that come by themselves or on request");
  }
  const chain = await createChain({
    isInstant,
    isOneHopPerBlock: options.isOneHopPerBlock ?? false,
    maxTransactions: options.maxTransactions ?? 50_000,
    maxReplacedStates: MAX_REPLACED_STATES,
    now: options.now ?? Date.now,
  });
  const jetton = createJetton();
  await chain.inject(jetton.deployment());
  const controls = createControls(chain, jetton);
  const front = await startFront({ port, hostname, chain, controls });
  const { liteServerPort = 0 } = options;
  const { liteFaults: faults } = controls;
  const lite = await startLiteServer({ port: liteServerPort, hostname, chain, faults }).catch(
    async (error: unknown) => {
      await front.close();
      throw error;
    },
  );
  const stopBlocks = typeof blockTimeMs === "number" ? keepClosing(chain, blockTimeMs) : () => {};
  return {
    ...controls,
    url: front.url,
    liteServer: { host: lite.host, port: lite.port, publicKey: lite.publicKey },
    jettonWalletOf: (owner) => jetton.walletOf(owner),
    async close() {
      stopBlocks();
      await Promise.all([front.close(), lite.close()]);
    },
  };
}

function createControls(chain: TonChain, jetton: Jetton): Controls {
  return {
    faults: createFaults(),
    liteFaults: createLiteFaults(),
    minter: jetton.minter,
    async closeBlocks(count = 1) {
      for (let i = 0; i < count; i += 1) await chain.closeBlock();
    },
    advanceTime: (seconds) => chain.advanceTime(seconds),
    async fund(owner: Address, { ton, jetton: amountAtomic }: Gift) {
      if (ton !== undefined) {
        const body = Cell.EMPTY;
        await chain.inject(internalMessage({ from: NOBODY, to: owner, value: ton, body }));
      }
      if (amountAtomic !== undefined) await chain.inject(jetton.minting(owner, amountAtomic));
    },
    lock: (owner, lock) => chain.inject(jetton.locking(owner, lock)),
    pruneHistory: (pruning) => chain.ledger.prune(pruning),
    latestBlock: () => chain.ledger.latest().seqno,
    waiting: () => chain.waiting(),
  };
}

/** A block that takes longer than its time delays the next one. */
function keepClosing(chain: TonChain, everyMs: number): () => void {
  let isClosing = false;
  const timer = setInterval(() => {
    if (isClosing) return;
    isClosing = true;
    void chain.closeBlock().finally(() => {
      isClosing = false;
    });
  }, everyMs);
  return () => clearInterval(timer);
}
