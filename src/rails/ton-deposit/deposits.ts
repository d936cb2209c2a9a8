import type { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import { readEntry } from "../../chains/ton/entry.ts";
import { sweptOrder } from "../../chains/ton/forwarder.ts";
import type { Linked } from "../../chains/ton/history.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import { openWalk, type Reach } from "../../chains/ton/walk.ts";
import type { Clock } from "../../clock.ts";
import { failed, type Outcome } from "../../outcome.ts";
import type { DepositPage, DepositsRead, ExpectedOrder, HistoryGap } from "../rail.ts";
import { COLD_START, type Cursor, parseCursor } from "./cursor.ts";
import { forgetEmptied, type Memory, remember, untoldOf } from "./memory.ts";
import { openPacedLooks, type PacedLooks } from "./paced-looks.ts";
import { makePage } from "./page.ts";

export interface Watch {
  read(
    cursor: string | null,
    signal: AbortSignal,
    expected: () => Promise<readonly ExpectedOrder[]>,
  ): Promise<DepositsRead>;
  waitForNews(signal: AbortSignal): Promise<void>;
  /** Orders whose addresses have received something, with the logical time of the last that was told. */
  readonly paid: () => ReadonlyMap<string, bigint>;
  /** Tells that an order's address was seen empty. @param lt What `paid` said before it was looked at. */
  readonly noteEmpty: (orderId: string, lt: bigint) => void;
}

export interface WatchOptions {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly clock: Clock;
  readonly treasury: Address;
  /** The jetton wallet of the treasury, and of an order's address. */
  readonly treasuryWallet: () => Promise<Outcome<Address>>;
  readonly walletOf: (orderId: string) => Promise<Outcome<Address>>;
}

/**
 * Looks at the addresses of the orders that may be paid, each an account with a history of its own. Beside them it
 * follows the treasury's account: whatever comes there from an order's address has that address read whole, so
 * that nothing reaches the treasury untold, however late it was paid and whoever has swept it.
 */
export function openWatch(options: WatchOptions): Watch {
  const { chain, config, clock } = options;
  const { pollMs } = config.tuning;
  const walk = openWalk({ ...walkOptions(options), read: (linked) => sweptIn(options, linked) });
  const looks = openPacedLooks(options);
  let memory = remember(null, COLD_START, pollMs);

  const readFrom = async (
    cursor: Cursor,
    { signal, expected }: Asking,
  ): Promise<Outcome<DepositPage> | HistoryGap> => {
    const account = await options.treasuryWallet();
    if (account.kind !== "done") return account;
    const read = await walk.next(account.value, cursor.link);
    if (read.kind !== "done") return read;
    const { value: reach } = read;
    const orders = await expected();
    const startMs = clock.now();
    memory.rounds.expect(orders, startMs);
    const looked = await goRound(looks, { memory, reach, signal, clock });
    if (looked.kind === "gap") return looked;
    const untold = untoldOf(memory);
    if (looked.kind !== "done" && untold.length === 0) return looked;
    forgetEmptied(memory, orders);
    // What has come to the treasury is done with once all of it was looked at.
    const last = looked.kind === "done" ? reach.steps.at(-1) : undefined;
    const isRoundDone = memory.rounds.due(startMs).length === 0;
    const link = last?.link ?? cursor.link;
    return makePage(chain, config, { memory, cursor, reach, link, untold, isRoundDone });
  };

  return {
    async read(text, signal, expected) {
      const cursor = text === null ? COLD_START : parseCursor(text);
      if (cursor === null) return failed("the stored cursor is of another rail", "final");
      if (memory.cursor !== text) memory = remember(text, cursor, pollMs);
      const page = await readFrom(cursor, { signal, expected });
      if (page.kind === "done") memory = { ...memory, cursor: page.value.cursor };
      return page;
    },
    waitForNews: (signal) => clock.sleep(pollMs, signal),
    paid: () => new Map(memory.told),
    noteEmpty(orderId, lt) {
      if (memory.told.get(orderId) === lt) memory.emptied.add(orderId);
    },
  };
}

interface Asking {
  readonly signal: AbortSignal;
  readonly expected: () => Promise<readonly ExpectedOrder[]>;
}

function walkOptions({ chain, config }: WatchOptions) {
  const { transactionsPerCall, keptTransactions } = config.tuning;
  return { chain, startLt: config.startLt, transactionsPerCall, keptTransactions };
}

/** The order whose address a transaction of the treasury's jetton wallet has emptied; null: another transaction. */
function sweptIn({ treasury }: WatchOptions, linked: Linked): string | null {
  const entry = readEntry(linked);
  return entry.kind === "credit" ? sweptOrder(treasury, entry.credit) : null;
}

interface Round {
  readonly memory: Memory;
  readonly reach: Reach<string | null>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** Looks at what was swept, and at those whose time has come. */
async function goRound(
  looks: PacedLooks,
  { memory: { rounds }, reach, signal, clock }: Round,
): ReturnType<PacedLooks["look"]> {
  const swept = new Set(reach.steps.flatMap(({ entry }) => entry ?? []));
  for (const orderId of swept) rounds.add(orderId, clock.now());
  const due = rounds.due(clock.now());
  const first = due.filter(({ orderId }) => swept.has(orderId));
  const others = due.filter(({ orderId }) => !swept.has(orderId)).slice(0, looks.perRound);
  return looks.look(rounds, [...first, ...others], signal);
}
