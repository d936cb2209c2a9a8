import type { DatabaseSync } from "node:sqlite";
import type { Log } from "../log.ts";
import { createReader } from "./handles.ts";
import { backUp } from "./sqlite/backup.ts";
import { connect, openReadOnly, readingSql } from "./sqlite/connection.ts";
import { startInline, type Engine, type EngineOptions } from "./sqlite/engine.ts";
import { createCallQueue } from "./sqlite/queue.ts";
import { startThread } from "./sqlite/thread.ts";
import type { Actions, CommitNotice, Reader, Store } from "./tx.ts";

/** Where actions run: `worker` in a thread of their own, `inline` in the calling one (tests, tools). */
export type SqliteThread<Known extends Actions> =
  | {
      readonly thread: "inline";
      readonly actions: Known;
      /** `guest` writes beside the owner; its commits wake nobody in the owner's process. @default "owner" */
      readonly role?: "owner" | "guest";
    }
  /** `actionsUrl`: module that exports `actions`. */
  | { readonly thread: "worker"; readonly actionsUrl: URL };

export type SqliteOptions<Known extends Actions> = SqliteThread<Known> & {
  /** The data file; made when it is not there. Beside it: `-wal`, `-shm`, `.lock`. */
  readonly file: string;
  readonly log: Log;
  /** The database thread is gone: nothing can be stored any more, the process should end. */
  readonly onFatal: (error: Error) => void;
  /** Calls that may be unanswered at a time; more are refused with 503. @default 10000 */
  readonly maxWaiting?: number;
  /** The most calls that share one commit. @default 256 */
  readonly maxBatch?: number;
};

const MAX_WAITING = 10_000;
const MAX_BATCH = 256;

/**
 * Opens a store in a file of which this process becomes the only owner. Rejects when another process owns it or when
 * it was written by a newer version.
 */
export async function openSqliteStore<Known extends Actions>(
  options: SqliteOptions<Known>,
): Promise<Store<Known>> {
  const { file, log } = options;
  const listeners = new Set<(notice: CommitNotice) => void>();
  const publish = (notice: CommitNotice): void => {
    for (const listener of listeners)
      try {
        listener(notice);
      } catch (error) {
        log.error("a listener to commits threw", { error });
      }
  };
  const queue = createCallQueue({
    maxWaiting: options.maxWaiting ?? MAX_WAITING,
    send: (calls) => engine.submit(calls),
  });
  const engineOptions: EngineOptions = {
    file,
    maxBatch: options.maxBatch ?? MAX_BATCH,
    answer: ({ results, notice }) => {
      queue.settle(results);
      if (notice !== null) publish(notice);
    },
  };
  const onFatal = (error: Error): void => {
    queue.fail(error);
    options.onFatal(error);
  };
  const engine =
    options.thread === "inline"
      ? startInline(engineOptions, options.actions, options.role ?? "owner")
      : await startThread(engineOptions, options.actionsUrl.href, onFatal);
  const reading = await openReading(file, engine);
  const close = async (): Promise<void> => {
    await queue.close();
    reading.close();
    await engine.stop();
  };
  let closed: Promise<void> | null = null;
  return {
    transact: (name, input) => queue.call(name, input) as Promise<never>,
    read: createReader(readingSql(connect(reading))),
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    backup: (target, nowMs) => backUp(file, target, nowMs),
    close: () => (closed ??= close()),
  };
}

/** Gives the data file back when it can not be read. */
async function openReading(file: string, engine: Engine): Promise<DatabaseSync> {
  try {
    return openReadOnly(file);
  } catch (error) {
    await engine.stop();
    throw error;
  }
}

/** Reads a data file that another process may own: for tools. Sees each commit of the owner. */
export function openSqliteReader(file: string): { readonly read: Reader; close(): void } {
  const db = openReadOnly(file);
  return { read: createReader(readingSql(connect(db))), close: () => db.close() };
}
