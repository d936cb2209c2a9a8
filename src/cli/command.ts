import type { Output } from "./output.ts";

/** One command of `vend402`. */
export interface Command {
  /** "keys create --label NAME [--limit USD]" */
  readonly usage: string;
  readonly summary: string;
  /** `args` are those after the command's name. Throws `Stop` for everything the user can mend. */
  run(args: readonly string[], out: Output): Promise<void>;
}

/** Ends a command with a message for the user and exit code 1; no stack. */
export class Stop extends Error {
  override readonly name = "Stop";
}

/** True for what `util.parseArgs` throws about the user's words. */
export function isUsageError(error: unknown): boolean {
  return (
    error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS")
  );
}
