import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { purchaseCard, type Purchase } from "../buy.ts";
import { Vend402Error } from "../errors.ts";
import type { BuyOptions, PurchaseStep } from "../purchase.ts";
import { UsageError, type Command, type Terminal } from "./command.ts";
import { printCard, printJson, shownCard } from "./print.ts";
import { journalFrom, networkFrom, shopFrom, signerFrom } from "./settings.ts";

const FLAGS = {
  amount: { type: "string" },
  asset: { type: "string", default: "auto" },
  "max-xlm": { type: "string" },
  key: { type: "string" },
  order: { type: "string" },
  wait: { type: "string", default: "900" },
  reveal: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

export const buy: Command = {
  usage: "buy card --amount <dollars>",
  summary: "buy a card and pay it from your wallet",
  options: [
    ["--amount 10.00", "face value in dollars"],
    ["--asset usdc|xlm|auto", "what to pay in; auto: USDC if the wallet holds enough (default)"],
    ["--max-xlm 100", "highest price in XLM"],
    ["--key <text>", "idempotency key: the same key again continues, and never pays twice"],
    ["--order <id>", "continue an order instead of making one"],
    ["--wait <seconds>", "longest wait (900)"],
    ["--reveal", "print the whole card number and cvv"],
    ["--json", "print one JSON object"],
  ],
  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: FLAGS,
      allowPositionals: true,
    });
    if (positionals.join(" ") !== "card")
      throw new UsageError("say what to buy: vend402 buy card --amount 10");
    const { asset } = values;
    if (asset !== "usdc" && asset !== "xlm" && asset !== "auto")
      throw new UsageError("--asset is usdc, xlm or auto");
    const purchase = purchaseOf(values);
    const { env, signal } = terminal;
    const options: BuyOptions = {
      ...shopFrom(env),
      network: networkFrom(env),
      journal: journalFrom(env),
      signer: await signerFrom(env),
      asset,
      maxAmount: { xlm: values["max-xlm"] },
      deadlineMs: secondsOf(values.wait) * 1000,
      signal,
    };
    // Said before anything happens: a program that is killed cannot say it any more.
    terminal.note(`to continue after any crash: vend402 buy card ${howToContinue(null, purchase)}`);
    try {
      const onStep = (step: PurchaseStep) => terminal.note(progressLine(step));
      print(terminal, await purchaseCard({ ...options, ...purchase, onStep }), values);
      return 0;
    } catch (error) {
      terminal.note(`to continue: vend402 buy card ${howToContinue(error, purchase)}`);
      throw error;
    }
  },
};

type Wanted =
  | { readonly orderId: string }
  | { readonly amountUsdc: string; readonly idempotencyKey: string };

function purchaseOf({
  amount,
  key,
  order,
}: {
  amount?: string;
  key?: string;
  order?: string;
}): Wanted {
  if (order !== undefined) {
    if (amount !== undefined || key !== undefined)
      throw new UsageError("--order goes without --amount and --key");
    return { orderId: order };
  }
  if (amount === undefined) throw new UsageError("--amount is missing");
  return { amountUsdc: amount, idempotencyKey: key ?? randomUUID() };
}

function secondsOf(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0)
    throw new UsageError("--wait is a number of seconds");
  return Number(text);
}

function howToContinue(error: unknown, wanted: Wanted): string {
  const orderId = error instanceof Vend402Error ? error.purchase?.orderId : undefined;
  if ("orderId" in wanted) return `--order ${wanted.orderId}`;
  return typeof orderId === "string"
    ? `--order ${orderId}`
    : `--amount ${wanted.amountUsdc} --key ${wanted.idempotencyKey}`;
}

function progressLine({ step, atMs, orderId, payment }: PurchaseStep): string {
  const seconds = (atMs / 1000).toFixed(1).padStart(6);
  const detail =
    step === "signed" && payment !== null
      ? `${payment.amount} ${payment.asset.toUpperCase()}, transaction ${payment.hash}`
      : step === "quote" || step === "approval"
        ? `order ${orderId}`
        : "";
  return `${seconds} s  ${step.padEnd(10)}  ${detail}`.trimEnd();
}

function print(
  terminal: Terminal,
  bought: Purchase,
  { json, reveal }: { json: boolean; reveal: boolean },
): void {
  const { orderId, idempotencyKey, card, payment, steps } = bought;
  if (json) {
    const shown = steps.map(({ step, atMs }) => ({ step, at_ms: atMs }));
    printJson(terminal, {
      order_id: orderId,
      idempotency_key: idempotencyKey,
      card: shownCard(card, reveal),
      payment,
      steps: shown,
    });
    return;
  }
  printCard(terminal, card, reveal);
}
