/** What a command may touch of the world outside. */
export interface Terminal {
  /** Data: a line on standard output. */
  readonly data: (text: string) => void;
  /** For whoever waits: a line on standard error. */
  readonly note: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** "buy card --amount <dollars>": what stands before the options. */
  readonly usage: string;
  readonly summary: string;
  /** Rows of option and meaning. */
  readonly options: readonly (readonly [option: string, meaning: string])[];
  /** Resolves with the exit code: 0 done, 1 failed, 2 called wrongly. */
  readonly run: (args: readonly string[], terminal: Terminal) => Promise<number>;
}

/** The command line or the environment is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Whether an error says that the command was called wrongly. */
export function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true;
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" && code.startsWith("ERR_PARSE_ARGS");
}
