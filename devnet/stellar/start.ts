import { createChain, type StellarChain } from "./chain.ts";
import { type Clock, systemClock } from "./clock.ts";
import { createFaults, type Faults } from "./faults.ts";
import { DEFAULT_HISTORY, type HistoryLimits } from "./history/history.ts";
import { type Journal, openJournal } from "./journal.ts";
import { startRpcServer } from "./rpc/server.ts";
import { type NetworkSettings, TESTNET_SETTINGS } from "./settings.ts";
import { createTestAsset, type TestAsset } from "./setup.ts";
import { loadSorobanHost } from "./soroban-host.ts";

/** Passphrase of a local network, unless another one is given. */
export const LOCAL_PASSPHRASE = "Vend402 Local Network ; November 2026";

/**
 * When ledgers close: every so many milliseconds; `"instant"`, as soon as a transaction waits;
 * `"manual"`, only by `chain.closeLedger()`.
 */
export type ClosePace = number | "instant" | "manual";

export interface StellarDevnetOptions {
  /** @default 0, a free port */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly hostname?: string;
  /** @default 1000; a real network takes about 5000 */
  readonly closeEveryMs?: ClosePace;
  /** @default LOCAL_PASSPHRASE */
  readonly passphrase?: string;
  /** Keeps the chain in this folder and goes on with the one that is there. */
  readonly dataDir?: string;
  /** Code of a test asset to set up, with its issuer and contracts. @default none */
  readonly testAsset?: string;
  readonly clock?: Clock;
  /** @default TESTNET_SETTINGS, or those that the chain in `dataDir` began with */
  readonly settings?: NetworkSettings;
  readonly history?: Partial<HistoryLimits>;
}

export interface StellarDevnet {
  /** Of the RPC server. */
  readonly url: string;
  readonly friendbotUrl: string;
  /** Gives of the test asset: `?addr=G...&amount=100`. */
  readonly faucetUrl: string;
  readonly passphrase: string;
  readonly testAsset: TestAsset | null;
  readonly chain: StellarChain;
  readonly faults: Faults;
  close(): Promise<void>;
}

/** Starts a network of its own: a chain, what closes its ledgers, and an RPC server in front. */
export async function startStellarDevnet(
  options: StellarDevnetOptions = {},
): Promise<StellarDevnet> {
  const { closeEveryMs: pace = 1000 } = options;
  const history = { ...DEFAULT_HISTORY, ...options.history };
  const faults = createFaults();
  const { chain, journal } = openChain(options, history, pace);
  const closing = keepClosing(chain, pace);
  try {
    const { testAsset: code } = options;
    const testAsset = code === undefined ? null : createTestAsset(chain, code);
    const server = await startRpcServer({
      port: options.port ?? 0,
      hostname: options.hostname ?? "127.0.0.1",
      retentionLedgers: history.ledgers,
      control: { chain, faults },
      testAsset,
      onPending: closing.onPending,
    });
    return {
      url: server.url,
      friendbotUrl: `${server.url}/friendbot`,
      faucetUrl: `${server.url}/faucet`,
      testAsset,
      passphrase: chain.passphrase,
      chain,
      faults,
      async close() {
        closing.stop();
        await server.close();
        journal?.close();
      },
    };
  } catch (cause) {
    closing.stop();
    journal?.close();
    throw cause;
  }
}

function openChain(
  options: StellarDevnetOptions,
  history: HistoryLimits,
  pace: ClosePace,
): { readonly chain: StellarChain; readonly journal: Journal | null } {
  const { passphrase = LOCAL_PASSPHRASE, settings = TESTNET_SETTINGS, dataDir } = options;
  const journal =
    dataDir === undefined ? null : openJournal({ dir: dataDir, passphrase, settings });
  let chain: StellarChain | null = null;
  chain = createChain({
    passphrase,
    settings: journal?.settings ?? settings,
    host: loadSorobanHost(),
    clock: options.clock ?? systemClock,
    history,
    lateMarginS: typeof pace === "number" ? Math.ceil((2 * pace) / 1000) : 0,
    restored: journal?.restored ?? null,
    onClosed(closed) {
      const timeOffsetMs = chain?.timeOffsetMs ?? 0;
      journal?.append(closed, timeOffsetMs);
      const { state, history: past } = chain ?? {};
      if (!state || !past) return;
      journal?.compact(() => ({
        state,
        ledgers: [...past.ledgers(), closed.ledger],
        timeOffsetMs,
      }));
    },
  });
  return { chain, journal };
}

interface Closing {
  /** To be told that transactions wait. */
  readonly onPending: () => void;
  readonly stop: () => void;
}

function keepClosing(chain: StellarChain, pace: ClosePace): Closing {
  let next: NodeJS.Immediate | null = null;
  const timer = typeof pace === "number" ? setInterval(() => chain.closeLedger(), pace) : null;
  return {
    onPending() {
      if (pace !== "instant" || next) return;
      next = setImmediate(() => {
        next = null;
        chain.closeLedger();
      });
    },
    stop() {
      if (timer) clearInterval(timer);
      if (next) clearImmediate(next);
    },
  };
}
