import { readFileSync } from "node:fs";
import type { CommandIo } from "./chain-command.ts";
import { evmCommand } from "./evm/cli.ts";
import { stellarCommand } from "./stellar/cli.ts";
import { runSuppliersCli } from "./suppliers/cli.ts";
import { tonCommand } from "./ton/cli.ts";

/** Resolves with the exit code: 0 done, 1 failed, 2 wrong arguments. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

const COMMANDS: Readonly<Record<string, Command>> = {
  evm: evmCommand,
  stellar: stellarCommand,
  ton: tonCommand,
  suppliers: (args, io) => runSuppliersCli(args, io.stop),
};

const HELP = `vend402-devnet: local networks for development

  vend402-devnet stellar     a Stellar network with contracts, on this machine alone
  vend402-devnet evm         an EVM chain that poses as Polygon
  vend402-devnet ton         a TON chain with a USDT
  vend402-devnet suppliers   simulated suppliers of cards and eSIMs
  vend402-devnet --version

  vend402-devnet <command> --help tells more.
`;

/** The `vend402-devnet` program; returns its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const [name = "", ...args] = argv;
  if (name === "" || name === "--help" || name === "-h" || name === "help") return say(HELP);
  if (name === "--version") return say(`${version()}\n`);
  const command = COMMANDS[name];
  if (!command) {
    process.stderr.write(`vend402-devnet: no command "${name}"\n\n${HELP}`);
    return 2;
  }
  const stop = new AbortController();
  const onSignal = () => {
    // Who asks twice does not want to wait.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    return await command(args, {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(text),
      stop: stop.signal,
    });
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

/** The package's file lies beside the sources, one folder above the compiled code. */
function version(): string {
  const here = new URL(import.meta.url);
  const file = new URL(here.pathname.endsWith(".ts") ? "package.json" : "../package.json", here);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
