import { type StellarChain, createChain, type ClosedLedger } from "./chain.ts";
import { type Clock, systemClock } from "./clock.ts";
import { createFaults, type Faults } from "./faults.ts";
import { DEFAULT_HISTORY, type HistoryLimits } from "./history/history.ts";
import { startRpcServer } from "./rpc/server.ts";
import { type NetworkSettings, TESTNET_SETTINGS } from "./settings.ts";
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
  readonly passphrase?: string;
  readonly clock?: Clock;
  /** @default TESTNET_SETTINGS */
  readonly settings?: NetworkSettings;
  readonly history?: Partial<HistoryLimits>;
}

export interface StellarDevnet {
  /** Of the RPC server. */
  readonly url: string;
  readonly friendbotUrl: string;
  readonly passphrase: string;
  readonly chain: StellarChain;
  readonly faults: Faults;
  close(): Promise<void>;
}

/** Starts a network of its own: a chain, what closes its ledgers, and an RPC server in front. */
export async function startStellarDevnet(
  options: StellarDevnetOptions = {},
): Promise<StellarDevnet> {
  const { passphrase = LOCAL_PASSPHRASE, closeEveryMs: pace = 1000 } = options;
  const history = { ...DEFAULT_HISTORY, ...options.history };
  const faults = createFaults();
  const chain = createChain({
    passphrase,
    settings: options.settings ?? TESTNET_SETTINGS,
    host: loadSorobanHost(),
    clock: options.clock ?? systemClock,
    history,
    lateMarginS: typeof pace === "number" ? Math.ceil((2 * pace) / 1000) : 0,
    restored: null,
    onClosed: (_closed: ClosedLedger) => {},
  });
  let closing: NodeJS.Immediate | null = null;
  const server = await startRpcServer({
    port: options.port ?? 0,
    hostname: options.hostname ?? "127.0.0.1",
    retentionLedgers: history.ledgers,
    faults,
    control: { chain, faults },
    onPending() {
      if (pace !== "instant" || closing) return;
      closing = setImmediate(() => {
        closing = null;
        chain.closeLedger();
      });
    },
  });
  const timer = typeof pace === "number" ? setInterval(() => chain.closeLedger(), pace) : null;
  return {
    url: server.url,
    friendbotUrl: `${server.url}/friendbot`,
    passphrase,
    chain,
    faults,
    async close() {
      if (timer) clearInterval(timer);
      if (closing) clearImmediate(closing);
      await server.close();
    },
  };
}
