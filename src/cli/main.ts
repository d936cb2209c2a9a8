/** The operator's commands: `npm run vend402 -- <command>`, or `vend402 <command>` in a checkout. */
import { backup } from "./backup.ts";
import { isUsageError, Stop, type Command } from "./command.ts";
import { deploy } from "./deploy.ts";
import { doctor } from "./doctor.ts";
import { init } from "./init.ts";
import { keys } from "./keys.ts";
import { orders } from "./orders.ts";
import { output } from "./output.ts";
import { refunds } from "./refunds.ts";
import { serve } from "./serve.ts";
import { unmatched } from "./unmatched.ts";

const COMMANDS: Readonly<Record<string, Command>> = {
  init,
  doctor,
  deploy,
  serve,
  keys,
  orders,
  unmatched,
  refunds,
  backup,
};

function help(): void {
  output.line("vend402: the operator's commands");
  output.line();
  output.table(Object.values(COMMANDS).map(({ usage, summary }) => [`  ${usage}`, summary]));
  output.line();
  output.line("Settings come from the environment and from .env in this folder; see .env.example.");
}

async function main([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    help();
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS[name];
  if (command === undefined) {
    output.progress(`vend402: there is no command "${name}"; see vend402 --help`);
    return 2;
  }
  if (args.includes("--help") || args.includes("-h")) {
    output.line(`vend402 ${command.usage}`);
    output.line(command.summary);
    return 0;
  }
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
