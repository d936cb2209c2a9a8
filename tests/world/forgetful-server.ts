/** A second RPC server of the same network, with faults of its own, that can be made to forget its history. */
import { createFaults, type Faults, type StellarDevnet } from "../../devnet/stellar/index.ts";
import type { History, StellarChain } from "../../devnet/stellar/index.ts";
import { startRpcServer } from "../../devnet/stellar/rpc/server.ts";

export interface ForgetfulServer {
  readonly url: string;
  readonly faults: Faults;
  /** Has no ledgers before this one, until it is told otherwise; 1 gives all of them back. */
  readonly forgetBefore: (ledger: number) => void;
  readonly close: () => Promise<void>;
}

/** Real answers about the network's real chain; only what is remembered of it differs. */
export async function startForgetfulServer({ chain }: StellarDevnet): Promise<ForgetfulServer> {
  let oldest = 1;
  const whole = chain.history;
  const isKept = (sequence: number): boolean => sequence >= oldest;
  const history: History = {
    get oldest() {
      return whole.ledger(Math.max(oldest, whole.oldest.sequence)) ?? whole.latest;
    },
    get latest() {
      return whole.latest;
    },
    get bytes() {
      return whole.bytes;
    },
    append: () => {
      throw new Error("only the chain writes its history");
    },
    cutBefore: (sequence) => void (oldest = sequence),
    ledgers: () => [...whole.ledgers()].filter(({ sequence }) => isKept(sequence)),
    ledger: (sequence) => (isKept(sequence) ? whole.ledger(sequence) : null),
    transaction: (hash) => {
      const found = whole.transaction(hash);
      return found !== null && isKept(found.ledger) ? found : null;
    },
  };
  // The rest is the chain's own: its getters read the chain of today.
  const forgetful = Object.create(chain, { history: { value: history } }) as StellarChain;
  const faults = createFaults();
  const server = await startRpcServer({
    port: 0,
    hostname: "127.0.0.1",
    retentionLedgers: 1_000,
    control: { chain: forgetful, faults },
    testAsset: null,
    onPending: () => {},
  });
  return {
    url: server.url,
    faults,
    forgetBefore: (ledger) => history.cutBefore(ledger),
    close: () => server.close(),
  };
}
