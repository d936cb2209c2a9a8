/** A shop in a process of its own, started as an operator starts it, and killed as hard as a test wants. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
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

/**
 * Starts `src/main.ts` (or another entry that writes the same lines) and resolves once it is open. Rejects
 * with what it wrote when it ends first.
 */
export async function startShopProcess(
  env: Environment,
  entry = "src/main.ts",
): Promise<ShopProcess> {
  const child = spawn(process.execPath, [path.join(ROOT, entry)], {
    cwd: ROOT,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  const ended = once(child, "exit").then(([code]) => code as number | null);
  const url = await Promise.race([
    readUrl(child, lines),
    ended.then((code) => {
      throw new Error(`the shop ended with ${String(code)}:\n${lines.join("\n")}`);
    }),
  ]);
  return {
    url,
    pid: child.pid ?? 0,
    lines,
    ended,
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

function readUrl(child: ChildProcess, lines: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`the shop did not open in time:\n${lines.join("\n")}`)),
      START_LIMIT_MS,
    );
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        lines.push(line);
        const url = /"message":"the shop is open","url":"([^"]+)"/.exec(line)?.[1];
        if (url === undefined) return;
        clearTimeout(timer);
        resolve(url);
      });
    }
    child.once("exit", () => clearTimeout(timer));
  });
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
