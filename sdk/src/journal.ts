import { createHash, randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, unlink, type FileHandle } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { JournalError } from "./pay/errors.ts";

/**
 * Where signed payments and begun purchases are kept, so that a crash never leads to a second payment. Entries are
 * written once and never changed, which any store with "insert if absent" can do: Redis `SET NX`, SQL
 * `ON CONFLICT DO NOTHING`, an object store with a precondition. Processes that may continue each other's purchases must
 * share one journal.
 *
 * @example
 * ```ts
 * import type { PaymentJournal } from "vend402";
 *
 * const journal: PaymentJournal = {
 *   read: (key) => redis.get(`vend402:${key}`),
 *   async add(key, text) {
 *     await redis.set(`vend402:${key}`, text, { NX: true });
 *     await redis.wait(1, 1000); // durable before we go on
 *     return (await redis.get(`vend402:${key}`)) ?? text;
 *   },
 * };
 * ```
 */
export interface PaymentJournal {
  /** The entry, or null. `key` is at most 100 characters of [a-z0-9-]. */
  readonly read: (key: string) => Promise<string | null>;
  /**
   * Keeps `text` unless the key already has an entry, and returns the entry. Must be durable when it resolves, and of two
   * concurrent calls exactly one may win.
   */
  readonly add: (key: string, text: string) => Promise<string>;
}

/** For tests and for processes that may lose everything: forgets with the process. */
export function memoryJournal(): PaymentJournal {
  const entries = new Map<string, string>();
  return {
    read: (key) => Promise.resolve(entries.get(key) ?? null),
    add(key, text) {
      if (!entries.has(key)) entries.set(key, text);
      return Promise.resolve(entries.get(key) ?? text);
    },
  };
}

/** "~/.vend402/payments" */
export function defaultJournalFolder(): string {
  return path.join(homedir(), ".vend402", "payments");
}

/**
 * One file per entry in a folder of this user (0700, files 0600). An entry appears under its name only when it is wholly
 * on disk: written under another name, fsynced, linked, and the folder fsynced.
 *
 * @param folder @default "~/.vend402/payments"
 */
export function fileJournal(folder: string = defaultJournalFolder()): PaymentJournal {
  return {
    async read(key) {
      await prepare(folder);
      return readDurable(folder, fileOf(folder, key));
    },
    async add(key, text) {
      await prepare(folder);
      const file = fileOf(folder, key);
      const existing = await readDurable(folder, file);
      if (existing !== null) return existing;
      await write(folder, file, text);
      return (await readEntry(file)) ?? unreadable(file, null);
    },
  };
}

function fileOf(folder: string, key: string): string {
  if (!/^[a-z0-9-]{1,100}$/.test(key))
    throw new JournalError("A journal key has an unexpected form.", {
      advice: "report this as a bug.",
      given: { key },
    });
  return path.join(folder, `${key}.entry`);
}

async function prepare(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const handle = await open(folder, "r");
    try {
      const { mode } = await handle.stat();
      if ((mode & 0o077) !== 0) await handle.chmod(0o700);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

async function write(folder: string, file: string, text: string): Promise<void> {
  const draft = path.join(folder, `${randomBytes(12).toString("hex")}.draft`);
  try {
    const handle = await open(draft, "wx", 0o600);
    await filling(handle, `${checksum(text)}\n${text}`);
    // link, not rename: it fails when another process was first, so nobody's entry is ever replaced.
    await link(draft, file).catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") throw error;
    });
    await unlink(draft);
    await syncFolder(folder);
  } catch (cause) {
    throw unusable(folder, cause);
  }
}

async function filling(handle: FileHandle, content: string): Promise<void> {
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the new name itself survive a power loss. Windows cannot and need not. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Another process may have linked the entry just now and not come to the fsync of the folder. */
async function readDurable(folder: string, file: string): Promise<string | null> {
  const text = await readEntry(file);
  if (text !== null) await syncFolder(folder);
  return text;
}

async function readEntry(file: string): Promise<string | null> {
  let content: string;
  try {
    content = await readFile(file, "utf8");
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return null;
    return unreadable(file, cause);
  }
  const end = content.indexOf("\n");
  const text = content.slice(end + 1);
  return end > 0 && content.slice(0, end) === checksum(text) ? text : unreadable(file, null);
}

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/** A payment may hide behind it, so nothing may be signed until a person has looked. */
function unreadable(file: string, cause: unknown): never {
  throw new JournalError("An entry of the payment journal is damaged.", {
    advice:
      "look at the wallet's recent transactions; when none of them paid this order, delete the file and call again.",
    given: { file },
    cause,
  });
}

function unusable(folder: string, cause: unknown): JournalError {
  return new JournalError("The payment journal cannot be written.", {
    advice:
      "pass journal: fileJournal(folder) with a writable folder that survives restarts, or your own PaymentJournal.",
    given: { folder, error: cause instanceof Error ? cause.message : null },
    cause,
  });
}
