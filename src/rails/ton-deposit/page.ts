import type { Link, TonChain } from "../../chains/ton/chain.ts";
import { coarseS } from "../../chains/ton/cursor.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import type { Reach } from "../../chains/ton/walk.ts";
import { done, type Outcome } from "../../outcome.ts";
import type { Deposit, DepositPage, Unreadable } from "../rail.ts";
import { type Cursor, writeCursor } from "./cursor.ts";
import type { Arrival } from "./look.ts";
import { type Memory, noteTold, type Untold } from "./memory.ts";
import { isSafePayer } from "./payers.ts";

/** What a page is made of. */
export interface PageParts {
  readonly memory: Memory;
  /** The cursor that the page follows. */
  readonly cursor: Cursor;
  /** Of the treasury's account: what lies above the cursor. */
  readonly reach: Reach<string | null>;
  /** Up to where that is done with, once everything is told. */
  readonly link: Link;
  readonly untold: readonly Untold[];
  /** No address is waiting to be looked at. */
  readonly isRoundDone: boolean;
}

/** The oldest of what is untold, as much as fits, and the cursor behind it. */
export async function makePage(
  chain: TonChain,
  config: TonConfig,
  { memory, cursor, reach, link, untold, isRoundDone }: PageParts,
): Promise<Outcome<DepositPage>> {
  const told = untold.slice(0, config.tuning.pageLimit);
  const deposits: Deposit[] = [];
  const unreadable: Unreadable[] = [];
  for (const { watched, arrival } of told) {
    const { entry } = arrival;
    if (entry.kind === "unreadable") {
      unreadable.push(entry.unreadable);
      continue;
    }
    const isPayerSafe = await isSafePayer(chain, config, entry.from);
    if (isPayerSafe.kind !== "done") return isPayerSafe;
    const payer = { from: entry.from, isPayerSafe: isPayerSafe.value };
    const amount = { asset: config.asset, atomic: entry.credit.atomic };
    deposits.push({ ...placeOf(arrival), orderRef: watched.orderId, ...payer, amount });
  }
  for (const one of told) noteTold(memory, one);
  // Until all of it is told, what led there must be found again after a crash, and no window may close over it.
  const isWhole = told.length === untold.length;
  const end = isWhole ? link : cursor.link;
  const timeS = isWhole ? seenUntilS(memory, reach, cursor) : cursor.timeS;
  return done({
    deposits,
    unreadable,
    cursor: writeCursor({ link: end, timeS, told: memory.told }),
    height: Number([...memory.told.values()].reduce(higher, end.lt)),
    chainTimeMs: timeS * 1_000,
    isCaughtUp: reach.isEnd && isWhole && isRoundDone,
  });
}

function seenUntilS({ rounds }: Memory, reach: PageParts["reach"], { timeS }: Cursor): number {
  const treasuryTimeMs = reach.isEnd ? reach.headTimeMs : (reach.steps.at(-1)?.timeMs ?? 0);
  return coarseS(rounds.seenUntilMs(treasuryTimeMs, timeS * 1_000));
}

function placeOf({ txId, lt, chainTimeMs }: Arrival) {
  // A server shows what a masterchain block holds, and that is never taken back.
  return { txId, index: 0, height: Number(lt), chainTimeMs, isFinal: true };
}

function higher(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
