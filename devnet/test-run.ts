import type { CommandIo } from "./chain-command.ts";

/** A command that runs, as its user sees it. */
export interface Run {
  readonly exit: Promise<number>;
  readonly text: () => string;
  readonly errors: () => string;
  /** Resolves once it has said this. */
  readonly said: (text: string) => Promise<void>;
  /** Its first line, as JSON. */
  readonly ready: () => Promise<Record<string, unknown>>;
  readonly stop: () => Promise<number>;
}

export function startRun(
  command: (args: readonly string[], io: CommandIo) => Promise<number>,
  args: readonly string[],
): Run {
  const stop = new AbortController();
  let out = "";
  let err = "";
  let heard = () => {};
  const exit = command(args, {
    out(text) {
      out += text;
      heard();
    },
    err(text) {
      err += text;
    },
    stop: stop.signal,
  });
  async function said(text: string): Promise<void> {
    while (!out.includes(text)) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  }
  return {
    exit,
    text: () => out,
    errors: () => err,
    said,
    async ready() {
      await said("\n");
      return JSON.parse(out.split("\n")[0] ?? "") as Record<string, unknown>;
    },
    stop() {
      stop.abort();
      return exit;
    },
  };
}
