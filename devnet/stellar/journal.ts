import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { LedgerRecord } from "./history/records.ts";
import type { ClosedLedger, RestoredLedger } from "./ledger/open.ts";
import { createLedgerState, type LedgerState, storedFromBase64 } from "./ledger/state.ts";
import { readLines } from "./journal-lines.ts";
import type { NetworkSettings } from "./settings.ts";

/**
 * The chain on disk: one file of JSON lines, a snapshot of the entries followed by one line per closed
 * ledger. It outlives a killed process, though not a power cut: lines are not flushed one by one.
 */
export interface Journal {
  /** What the file held; null if it is new. */
  readonly restored: RestoredLedger | null;
  /** The settings with which the chain began. */
  readonly settings: NetworkSettings;
  append(closed: ClosedLedger, timeOffsetMs: number): void;
  /** Writes the file anew from what it is given, if most of it is out of date. */
  compact(live: () => JournalContents): void;
  close(): void;
}

/** What a snapshot consists of. `ledgers` are those still remembered, oldest first. */
export interface JournalContents {
  readonly state: LedgerState;
  readonly ledgers: Iterable<LedgerRecord>;
  readonly timeOffsetMs: number;
}

export interface JournalOptions {
  readonly dir: string;
  readonly passphrase: string;
  /** Used if the journal is new. */
  readonly settings: NetworkSettings;
  /** A file below this size is never rewritten. @default 32 MiB */
  readonly compactAboveBytes?: number;
}

type Line =
  | {
      readonly t: "chain";
      readonly format: 1;
      readonly passphrase: string;
      readonly settings: NetworkSettings;
    }
  | { readonly t: "entries"; readonly changes: readonly Change[] }
  | {
      readonly t: "ledger";
      readonly ledger: StoredLedger;
      readonly changes: readonly Change[];
      readonly timeOffsetMs: number;
    };

/** Key, entry or null if removed, last ledger alive or null. */
type Change = readonly [string, string | null, number | null];

type StoredLedger = Omit<LedgerRecord, "feePoolStroops"> & { readonly feePoolStroops: string };

const FILE = "stellar.jsonl";
const ENTRIES_PER_LINE = 500;
/** Rewriting pays when the file has grown to this multiple of what a rewrite leaves. */
const GROWTH = 3;

/**
 * Opens or creates the journal in a folder.
 *
 * @throws if another process has it open, if it belongs to another network, or if it is damaged
 * elsewhere than in its last line
 */
export function openJournal(options: JournalOptions): Journal {
  const { dir, passphrase } = options;
  mkdirSync(dir, { recursive: true });
  const unlock = lock(join(dir, "stellar.lock"));
  try {
    const path = join(dir, FILE);
    const found = restore(path, passphrase);
    const settings = found?.settings ?? options.settings;
    return openWriter({ ...options, settings }, path, { found, unlock });
  } catch (cause) {
    unlock();
    throw cause;
  }
}

interface Opened {
  readonly found: Restored | null;
  readonly unlock: () => void;
}

function openWriter(options: JournalOptions, path: string, { found, unlock }: Opened): Journal {
  const { passphrase, settings, compactAboveBytes = 32 * 1024 * 1024 } = options;
  const first: Line = { t: "chain", format: 1, passphrase, settings };
  let bytes = found?.bytes ?? 0;
  let compactedBytes = bytes;
  let file = openSync(path, found ? "r+" : "w");
  // What is behind the last whole line was being written when the process was killed.
  ftruncateSync(file, bytes);
  if (!found) write(first);

  function write(line: Line): void {
    bytes += writeSync(file, `${JSON.stringify(line)}\n`, bytes);
  }

  return {
    restored: found?.ledger ?? null,
    settings,
    append({ ledger, changes }, timeOffsetMs) {
      const stored = changes.map(({ key, after }): Change => [
        key,
        after?.base64 ?? null,
        after?.liveUntilLedger ?? null,
      ]);
      write({ t: "ledger", ledger: storedLedger(ledger), changes: stored, timeOffsetMs });
    },
    compact(live) {
      if (bytes < compactAboveBytes || bytes < compactedBytes * GROWTH) return;
      const { state, ledgers, timeOffsetMs } = live();
      const old = file;
      const temporary = `${path}.new`;
      file = openSync(temporary, "w");
      bytes = 0;
      write(first);
      for (const changes of chunks(state)) write({ t: "entries", changes });
      for (const ledger of ledgers) {
        write({ t: "ledger", ledger: storedLedger(ledger), changes: [], timeOffsetMs });
      }
      renameSync(temporary, path);
      closeSync(old);
      compactedBytes = bytes;
    },
    close() {
      closeSync(file);
      unlock();
    },
  };
}

function* chunks(state: LedgerState): Iterable<Change[]> {
  let chunk: Change[] = [];
  for (const { key, base64, liveUntilLedger } of state.entries()) {
    chunk.push([key, base64, liveUntilLedger]);
    if (chunk.length < ENTRIES_PER_LINE) continue;
    yield chunk;
    chunk = [];
  }
  yield chunk;
}

function storedLedger(ledger: LedgerRecord): StoredLedger {
  return { ...ledger, feePoolStroops: String(ledger.feePoolStroops) };
}

interface Restored {
  readonly ledger: RestoredLedger;
  readonly settings: NetworkSettings;
  /** Length of the file up to its last whole line. */
  readonly bytes: number;
}

/** Null if there is no file, or not even its first ledger was written. */
function restore(path: string, passphrase: string): Restored | null {
  const state = createLedgerState();
  const ledgers: LedgerRecord[] = [];
  let settings: NetworkSettings | null = null;
  let timeOffsetMs = 0;
  let bytes = 0;
  for (const { text, end } of readLines(path)) {
    const line = readLine(text, path, bytes);
    bytes = end;
    if (line.t === "chain") {
      if (line.passphrase !== passphrase) {
        throw new Error(`${path} belongs to another network: ${line.passphrase}`);
      }
      settings = line.settings;
      continue;
    }
    for (const [key, entry, liveUntilLedger] of line.changes) {
      if (entry === null) state.remove(key);
      else state.store(storedFromBase64(key, entry, liveUntilLedger));
    }
    if (line.t !== "ledger") continue;
    timeOffsetMs = line.timeOffsetMs;
    ledgers.push({ ...line.ledger, feePoolStroops: BigInt(line.ledger.feePoolStroops) });
  }
  state.settle();
  const [first, ...rest] = ledgers;
  if (!first || !settings) return null;
  return { ledger: { state, ledgers: [first, ...rest], timeOffsetMs }, settings, bytes };
}

function readLine(text: string, path: string, at: number): Line {
  try {
    return JSON.parse(text) as Line;
  } catch (cause) {
    throw new Error(`${path} is damaged at byte ${at}`, { cause });
  }
}

/** Locks of this process: a file that names it without being here is from a former life. */
const held = new Set<string>();

/** Returns what removes the lock. A lock whose process is gone is taken over. */
function lock(path: string): () => void {
  try {
    const file = openSync(path, "wx");
    writeSync(file, String(process.pid));
    closeSync(file);
  } catch (cause) {
    const holder = Number(readFileSync(path, "utf8"));
    if (holder === process.pid ? held.has(path) : isRunning(holder)) {
      throw new Error(`${path} is held by process ${holder}`, { cause });
    }
    rmSync(path);
    return lock(path);
  }
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function isRunning(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
