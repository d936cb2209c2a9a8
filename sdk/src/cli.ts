import { buy } from "./cli/buy.ts";
import { isUsageError, type Command, type Terminal } from "./cli/command.ts";
import { order, orders, usage, wallet } from "./cli/look.ts";
import { isOperatorCommand, OPERATOR_COMMANDS, runInCheckout } from "./cli/operator.ts";
import { plans } from "./cli/plans.ts";
import { columns, printJson } from "./cli/print.ts";
import { VARIABLES } from "./cli/settings.ts";
import { Vend402Error } from "./errors.ts";
import { VERSION } from "./version.ts";

const COMMANDS: Readonly<Record<string, Command>> = {
  buy,
  plans,
  order,
  orders,
  usage,
  wallet,
};

/**
 * The command line `vend402`. Data goes to standard output, progress and errors to standard error.
 * @returns the exit code: 0 done, 1 failed, 2 called wrongly, 130 stopped by Ctrl-C
 */
export async function main(argv: readonly string[]): Promise<number> {
  const stop = new AbortController();
  const onInterrupt = () => stop.abort(INTERRUPTED);
  if (!isOperatorCommand(argv)) process.once("SIGINT", onInterrupt);
  const terminal: Terminal = {
    data: (text) => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    env: process.env,
    cwd: process.cwd(),
    signal: stop.signal,
  };
  try {
    return await dispatch(argv, terminal);
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}

const INTERRUPTED = Symbol("interrupted");

/** The command line without its process. */
export async function dispatch(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name = "", ...args] = argv;
  const isAsking = (word: string) => ["help", "--help", "-h"].includes(word);
  if (["--version", "-v"].includes(name)) {
    terminal.data(VERSION);
    return 0;
  }
  if (name === "" || isAsking(name)) {
    for (const line of helpLines()) terminal.data(line);
    return isAsking(name) ? 0 : 2;
  }
  if (isOperatorCommand(argv)) return runInCheckout(argv, terminal);
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) {
    terminal.note(`vend402: there is no command "${name}"; see vend402 --help`);
    return 2;
  }
  return args.some(isAsking) ? explain(command, terminal) : run(command, args, terminal);
}

function explain(command: Command, terminal: Terminal): number {
  for (const line of commandLines(command)) terminal.data(line);
  return 0;
}

function commandLines({ usage: text, summary, options }: Command): string[] {
  const rows = options.map(([option, meaning]) => [`  ${option}`, meaning]);
  return [`vend402 ${text}: ${summary}`, ...columns(rows)];
}

async function run(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await command.run(args, terminal);
  } catch (error) {
    if (error === INTERRUPTED) return 130;
    if (isUsageError(error)) {
      terminal.note(`vend402: ${error.message}`);
      terminal.note(`usage: vend402 ${command.usage}`);
      return 2;
    }
    if (!(error instanceof Vend402Error)) throw error;
    if (args.includes("--json")) printJson(terminal, { error: errorFacts(error) });
    terminal.note(`vend402: ${error.message}`);
    return error.code === "invalid_option" ? 2 : 1;
  }
}

function errorFacts(error: Vend402Error): object {
  const { code, shortMessage, given, advice, retryable, retryAfterS, purchase } = error;
  return {
    code,
    message: shortMessage,
    given,
    next: advice,
    retryable,
    retry_after_s: retryAfterS,
    order_id: purchase?.orderId ?? null,
    idempotency_key: purchase?.idempotencyKey ?? null,
    payment_hash: purchase?.paymentHash ?? null,
  };
}

function helpLines(): string[] {
  const commands = Object.values(COMMANDS);
  return [
    "vend402: buy a virtual card or a travel eSIM and pay on chain",
    "",
    ...columns(commands.map(({ usage: text, summary }) => [`  vend402 ${text}`, summary])),
    "",
    "Options of a command: vend402 <command> --help",
    "",
    "Environment:",
    ...columns(VARIABLES.map(([name, meaning]) => [`  ${name}`, meaning])),
    "",
    `For the operator of a shop, in a checkout of the server: ${OPERATOR_COMMANDS.join(", ")}`,
  ];
}
