/** The operator's commands: `npm run vend402 -- <command>`, or `vend402 <command>` in a checkout. */
import { isUsageError, Stop, type Command } from "./command.ts";
import { output } from "./output.ts";

/** Loaded when they are used: a command about keys need not wait for the chain's libraries. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import("./init.ts")).init,
  doctor: async () => (await import("./doctor.ts")).doctor,
  deploy: async () => (await import("./deploy.ts")).deploy,
  serve: async () => (await import("./serve.ts")).serve,
  facilitator: async () => (await import("./facilitator.ts")).facilitator,
  keys: async () => (await import("./keys.ts")).keys,
  orders: async () => (await import("./orders.ts")).orders,
  unmatched: async () => (await import("./unmatched.ts")).unmatched,
  refunds: async () => (await import("./refunds.ts")).refunds,
  backup: async () => (await import("./backup.ts")).backup,
  restored: async () => (await import("./restored.ts")).restored,
};

async function help(): Promise<void> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  output.line("vend402: the operator's commands");
  output.line();
  for (const { usage, summary } of commands) {
    output.line(`  vend402 ${usage}`);
    output.line(`      ${summary}`);
  }
  output.line();
  output.line("Settings come from the environment and from .env in this folder; see .env.example.");
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    await help();
    return name === undefined ? 2 : 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) {
    output.progress(`vend402: there is no command "${name}"; see vend402 --help`);
    return 2;
  }
  const command = await load();
  if (args.includes("--help") || args.includes("-h")) {
    output.line(`vend402 ${command.usage}`);
    output.line(command.summary);
    return 0;
  }
  return run(name, command, args);
}

async function run(name: string, command: Command, args: readonly string[]): Promise<number> {
  try {
    await command.run(args, output);
    return 0;
  } catch (error) {
    if (isUsageError(error)) {
      output.progress(`vend402 ${name}: ${(error as Error).message}`);
      output.progress(`usage: vend402 ${command.usage}`);
      return 2;
    }
    if (!(error instanceof Stop)) throw error;
    output.progress(`vend402 ${name}: ${error.message}`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
