import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");

export interface Step {
  readonly name: string;
  /** A script of ours ("scripts/test.ts") or the command of an installed package ("oxlint"). */
  readonly run: string;
  /** The package of the command, when it is named otherwise. */
  readonly from?: string;
  readonly args: readonly string[];
}

/** Runs one step under this very Node with its output passed on; true when it ended well. */
export function runStep(step: Step): boolean {
  const startMs = performance.now();
  process.stdout.write(`\n== ${step.name}: ${[step.run, ...step.args].join(" ")}\n`);
  const script = step.run.endsWith(".ts") ? step.run : commandOf(step.from ?? step.run, step.run);
  const done = spawnSync(process.execPath, [script, ...step.args], { cwd: root, stdio: "inherit" });
  if (done.error !== undefined) process.stdout.write(`${done.error.message}\n`);
  const isGood = done.status === 0;
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`== ${step.name}: ${isGood ? "good" : "FAILED"} after ${seconds} s\n`);
  return isGood;
}

/** The JavaScript file behind a package's command: it runs on every system, as the links in `.bin` do not. */
function commandOf(name: string, command: string): string {
  const folder = path.join(root, "node_modules", name);
  const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
    readonly bin: string | Readonly<Record<string, string>>;
  };
  const file = typeof manifest.bin === "string" ? manifest.bin : manifest.bin[command];
  if (file === undefined) throw new Error(`the package ${name} has no command ${command}`);
  return path.join(folder, file);
}
