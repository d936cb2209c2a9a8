/** What a command writes to and is stopped by. */
export interface CommandIo {
  out(text: string): void;
  err(text: string): void;
  /** Aborted on the first SIGINT or SIGTERM. */
  readonly stop: AbortSignal;
}

/** A local chain as a command of `vend402-devnet`. */
export interface ChainCommand<Wishes extends { readonly json: boolean }, Chain> {
  /** "evm" */
  readonly name: string;
  readonly help: string;
  /** Throws what is wrong with the arguments, for people. */
  readWishes(args: readonly string[]): Wishes | "help";
  /** Throws why it could not be started, for people. */
  start(wishes: Wishes): Promise<Chain>;
  /** The first line of `--json`, beside `event`. */
  readonly ready: (chain: Chain) => Readonly<Record<string, unknown>>;
  /** What stands first in prose: a title, and rows of a name and a value. */
  banner(chain: Chain, wishes: Wishes): Banner;
  /** Ends it; resolves with the number of its last block. */
  close(chain: Chain): Promise<number>;
  /** "block", "ledger" */
  readonly unit: string;
}

export interface Banner {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, value: string])[];
}

/** Runs until it is stopped. Exit codes: 0 stopped, 1 could not start, 2 wrong arguments. */
export async function runChainCommand<Wishes extends { readonly json: boolean }, Chain>(
  command: ChainCommand<Wishes, Chain>,
  args: readonly string[],
  io: CommandIo,
): Promise<number> {
  const { name, unit } = command;
  let wishes: Wishes | "help";
  try {
    wishes = command.readWishes(args);
  } catch (error) {
    io.err(`vend402-devnet ${name}: ${messageOf(error)}\nTry --help.\n`);
    return 2;
  }
  if (wishes === "help") {
    io.out(command.help);
    return 0;
  }
  const { json } = wishes;
  let chain: Chain;
  try {
    chain = await command.start(wishes);
  } catch (error) {
    io.err(`vend402-devnet ${name}: ${messageOf(error)}\n`);
    return 1;
  }
  const tell = (event: Readonly<Record<string, unknown>>, prose: string): void =>
    io.out(json ? `${JSON.stringify(event)}\n` : prose);
  tell({ event: "ready", ...command.ready(chain) }, proseOf(command.banner(chain, wishes)));
  await stopped(io.stop);
  const last = await command.close(chain);
  tell({ event: "stopped", [unit]: last }, `\nStopped at ${unit} ${last}.\n`);
  return 0;
}

function proseOf({ title, rows }: Banner): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`);
  return `${title}\n\n${lines.join("\n")}\n\nCtrl-C stops it.\n`;
}

function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A whole number within bounds. @throws otherwise, for people */
export function readWhole(
  option: string,
  text: string,
  [min, max]: readonly [number, number],
): number {
  const value = Number(text);
  if (text !== "" && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option} must be ${min} to ${max}, not ${text}`);
}

/** "2s", "500ms", "instant" or "manual"; milliseconds or the word. @throws otherwise, for people */
export function readPace(option: string, text: string, leastMs: number): Pace {
  if (text === "instant" || text === "manual") return text;
  const match = /^(\d+(?:\.\d+)?)(ms|s)$/.exec(text);
  const paceMs = Math.round(Number(match?.[1]) * (match?.[2] === "s" ? 1000 : 1));
  if (match && paceMs >= leastMs && paceMs <= 3_600_000) return paceMs;
  throw new Error(`--${option} takes ${leastMs}ms to 3600s, "instant" or "manual", not ${text}`);
}

/** How often something is made; see `readPace`. */
export type Pace = number | "instant" | "manual";

/** For people. @param words What "instant" and "manual" mean there. */
export function paceText(
  pace: Pace | undefined,
  words: { readonly instant: string; readonly manual: string },
): string {
  if (pace === "instant" || pace === "manual") return words[pace];
  return `every ${(pace ?? 1000) / 1000} s`;
}
