/** A shop in a process of its own, started as an operator starts it, and killed as hard as a test wants. */
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..", "..");
const START_LIMIT_MS = 30_000;

export interface ShopProcess {
  /** "http://127.0.0.1:40123" */
  readonly url: string;
  readonly pid: number;
  /** Every line the process has written so far, on either stream. */
  readonly lines: readonly string[];
  /** Resolves with the exit code, or null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** SIGKILL: nothing is finished, nothing is written. */
  kill(): Promise<void>;
  /** SIGTERM, then waits for the orderly end. */
  stop(): Promise<number | null>;
}

export type Environment = Readonly<Record<string, string>>;

/** A process that has loaded the program and starts the shop only when it is told to. */
export interface WaitingShop {
  /** Every line the process has written so far, on either stream. */
  readonly lines: readonly string[];
  /** Resolves once the shop is open; rejects with what the process wrote when it ends first. */
  readonly open: () => Promise<ShopProcess>;
  readonly discard: () => Promise<void>;
}

/**
 * Starts `src/main.ts`, or another entry that writes the same lines. An entry may wait for the end of its
 * standard input before it opens the shop, so that loading the program costs no time when it is wanted.
 */
export function prepareShopProcess(env: Environment, entry: string): WaitingShop {
  const child = spawn(process.execPath, [path.join(ROOT, entry)], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // It may have ended before its input is ended.
  child.stdin.on("error", () => {});
  const lines: string[] = [];
  const urls = new EventEmitter();
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      const url = /^Vend402 is open at (\S+)$/.exec(line)?.[1];
      if (url !== undefined) urls.emit("url", url);
    });
  // "close" comes after the last line.
  const ended = once(child, "close").then(([code]) => code as number | null);
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  const open = async (): Promise<ShopProcess> => {
    const opened = once(urls, "url", { signal: AbortSignal.timeout(START_LIMIT_MS) });
    child.stdin.end();
    const url = await Promise.race([
      opened.then(([first]) => first as string),
      ended.then((code) => {
        throw new Error(`the shop ended with ${String(code)} before it was open`);
      }),
    ]).catch((cause: unknown) => {
      throw new Error(`the shop did not open:\n${lines.join("\n")}`, { cause });
    });
    const stop = (): Promise<number | null> => {
      child.kill("SIGTERM");
      return ended;
    };
    return { url, pid: child.pid ?? 0, lines, ended, kill, stop };
  };
  return { lines, open, discard: kill };
}

/** Runs an operator's command to its end and resolves with what it wrote to standard output. */
export async function runCommand(env: Environment, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [path.join(ROOT, "src/cli/main.ts"), ...args], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const parts: Record<"stdout" | "stderr", string> = { stdout: "", stderr: "" };
  child.stdout.on("data", (data: Buffer) => (parts.stdout += data.toString()));
  child.stderr.on("data", (data: Buffer) => (parts.stderr += data.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0)
    throw new Error(`vend402 ${args.join(" ")} ended ${String(code)}: ${parts.stderr}`);
  return parts.stdout;
}
