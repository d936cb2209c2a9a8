import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import type { Terminal } from "./command.ts";

/** The shop's side. They need the server, which is run from its own checkout. */
export const OPERATOR_COMMANDS = [
  "init",
  "serve",
  "keys",
  "deploy",
  "orders show",
  "unmatched",
  "refunds",
  "doctor",
  "backup",
];

/** "orders" alone is the buyer's list; "orders show" is the operator's timeline. */
export function isOperatorCommand([name = "", next = ""]: readonly string[]): boolean {
  if (name === "orders") return next !== "" && !next.startsWith("-");
  return OPERATOR_COMMANDS.includes(name);
}

/** Runs the command in the server's checkout: VEND402_HOME, else the current folder. Resolves with its exit code. */
export async function runInCheckout(args: readonly string[], terminal: Terminal): Promise<number> {
  const home = terminal.env["VEND402_HOME"] ?? terminal.cwd;
  if (!isCheckout(home)) {
    terminal.note(
      `vend402 ${args[0] ?? ""}: an operator's command, and ${home} is not a checkout of the server.`,
    );
    terminal.note(
      "Run it in the server's folder, or name that in VEND402_HOME. To look at an order you bought: vend402 order <id>",
    );
    return 2;
  }
  const child = spawn(process.execPath, ["scripts/bootstrap.mjs", "src/cli/main.ts", ...args], {
    cwd: home,
    stdio: "inherit",
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  try {
    return await new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 1)));
    });
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}

function isCheckout(folder: string): boolean {
  try {
    const manifest = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")) as {
      name?: unknown;
    };
    return manifest.name === "vend402-server";
  } catch {
    // No readable package.json: not a checkout.
    return false;
  }
}
