import type { DatabaseSync } from "node:sqlite";
import { assert, Bug } from "../../errors.ts";
import { createTx } from "../handles.ts";
import { mergeAnnouncements, newAnnouncement, type Announcement } from "../notice.ts";
import type { Actions } from "../tx.ts";
import { failureOf, type Answer, type Call, type CallResult } from "./call.ts";
import { connect, writingSql, type Connection, type Meter } from "./connection.ts";

/**
 * Turns of the microtask queue that an action may take without asking the database. Every database call is
 * answered within its own turn, so an action that is still not done waits for something else.
 */
const MAX_IDLE_TURNS = 1000;
const TURN = Promise.resolve();

interface Performed {
  readonly result: CallResult;
  readonly announcement: Announcement;
  readonly changedRows: number;
}

/** Runs batches of actions one after another; never two at a time. */
export type RunBatch = (calls: readonly Call[]) => Promise<Answer>;

/**
 * Runs a batch in one database transaction with one commit. An action that throws leaves no trace and
 * does not disturb the others. When the commit fails, every call of the batch is broken.
 */
export function createRunBatch(db: DatabaseSync, actions: Actions): RunBatch {
  const connection = connect(db);
  const perform = async (call: Call): Promise<Performed> => {
    const performed = await performCall(connection, actions, call);
    // A full disk ends the transaction in the middle, and the calls before this one are lost with it.
    if (!db.isTransaction) throw new Error(reasonOf(performed.result));
    return performed;
  };
  return async (calls) => {
    try {
      db.exec("BEGIN IMMEDIATE");
      const performed =
        (await performTogether(calls, perform)) ?? (await performApart(db, calls, perform));
      db.exec("COMMIT");
      return answerOf(performed);
    } catch (cause) {
      if (db.isTransaction) db.exec("ROLLBACK");
      const message = `nothing of its batch was stored: ${reasonOf(failureOf(cause))}`;
      const result = failureOf(new Error(message));
      return { results: calls.map(() => result), notice: null };
    }
  };
}

function reasonOf(result: CallResult): string {
  return result.kind === "broken" ? result.message : "the database ended the transaction";
}

type Perform = (call: Call) => Promise<Performed>;

/**
 * Without a savepoint each, which is faster. Null when an action threw after it had written something, which is
 * rare: refusals are mostly found before the first write.
 */
async function performTogether(
  calls: readonly Call[],
  perform: Perform,
): Promise<readonly Performed[] | null> {
  const all: Performed[] = [];
  for (const call of calls) {
    const performed = await perform(call);
    if (performed.result.kind !== "done" && performed.changedRows > 0) return null;
    all.push(performed);
  }
  return all;
}

/** From the start again, with a savepoint for each action. */
async function performApart(
  db: DatabaseSync,
  calls: readonly Call[],
  perform: Perform,
): Promise<readonly Performed[]> {
  db.exec("ROLLBACK; BEGIN IMMEDIATE");
  const all: Performed[] = [];
  for (const call of calls) {
    db.exec("SAVEPOINT action");
    const performed = await perform(call);
    if (performed.result.kind === "done") {
      db.exec("RELEASE action");
      all.push(performed);
    } else {
      db.exec("ROLLBACK TO action; RELEASE action");
      all.push({ ...performed, announcement: newAnnouncement(), changedRows: 0 });
    }
  }
  return all;
}

async function performCall(
  connection: Connection,
  actions: Actions,
  call: Call,
): Promise<Performed> {
  const meter: Meter = { calls: 0, changedRows: 0, isOpen: true };
  const announcement = newAnnouncement();
  const tx = createTx(writingSql(connection, meter), announcement);
  const running: Running = { result: null };
  const run = async (): Promise<void> => {
    try {
      const action = Object.hasOwn(actions, call.name) ? actions[call.name] : undefined;
      assert(action !== undefined, `there is no action ${call.name}`);
      running.result = { kind: "done", value: await action(tx, call.input as never) };
    } catch (error) {
      running.result = failureOf(error);
    }
  };
  void run();
  const result = (await settledAtOnce(running, meter)) ?? failureOf(new Bug(WAITS_FOR_ELSE));
  meter.isOpen = false;
  return { result, announcement, changedRows: meter.changedRows };
}

interface Running {
  result: CallResult | null;
}

const WAITS_FOR_ELSE =
  "it waits for something that is not the database; nothing slow may happen inside a transaction";

/** The result that comes while the microtask queue is worked off, else null; never lets anything else run. */
async function settledAtOnce(running: Running, meter: Meter): Promise<CallResult | null> {
  let seenCalls = 0;
  let idleTurns = 0;
  while (running.result === null && idleTurns <= MAX_IDLE_TURNS) {
    idleTurns = meter.calls === seenCalls ? idleTurns + 1 : 0;
    seenCalls = meter.calls;
    await TURN;
  }
  return running.result;
}

function answerOf(performed: readonly Performed[]): Answer {
  const hasChanges = performed.some(({ changedRows }) => changedRows > 0);
  return {
    results: performed.map(({ result }) => result),
    notice: hasChanges
      ? mergeAnnouncements(performed.map(({ announcement }) => announcement))
      : null,
  };
}
