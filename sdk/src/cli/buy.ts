import { randomUUID } from "node:crypto";
import { parseArgs } from "node:util";
import { purchaseCard, type Purchase } from "../buy.ts";
import { Vend402Error } from "../errors.ts";
import type { BuyOptions, PurchaseStep } from "../purchase.ts";
import { buyByDeposit, buyByX402, type X402Wish } from "./buy-x402.ts";
import { isUsageError, UsageError, type Command, type Terminal } from "./command.ts";
import { printCard, printJson, shownCard } from "./print.ts";
import { journalFrom, networkFrom, shopFrom, signerFrom } from "./settings.ts";

const FLAGS = {
  amount: { type: "string" },
  plan: { type: "string" },
  asset: { type: "string" },
  network: { type: "string" },
  "max-usd": { type: "string" },
  "max-xlm": { type: "string" },
  "key-env": { type: "string" },
  "key-file": { type: "string" },
  approve: { type: "string" },
  "rpc-url": { type: "string" },
  deposit: { type: "boolean", default: false },
  key: { type: "string" },
  order: { type: "string" },
  wait: { type: "string", default: "900" },
  reveal: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parse>["values"];

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true });
}

export const buy: Command = {
  usage: "buy card --amount <dollars> | esim --plan <id>",
  summary: "buy a card or a travel eSIM and pay it from your wallet",
  options: [
    ["--amount 10.00", "face value of the card in dollars"],
    ["--plan <id>", "plan of the eSIM, from vend402 plans"],
    [
      "--network eip155:137",
      "pay by x402 on this network; stellar: with the shop's contract there",
    ],
    ["--asset USDC", "what to pay in; on Stellar: usdc, xlm or auto (default)"],
    ["--max-usd 10.00", "the most that it may cost (a card: its face value)"],
    ["--max-xlm 100", "highest price in XLM"],
    ["--key-env <name>", "variable with the EVM key, if not VEND402_EVM_KEY"],
    ["--key-file <file>", "file with the EVM key"],
    [
      "--approve exact|unlimited",
      "let Permit2 move the token (USDT), which costs gas; with --rpc-url",
    ],
    ["--rpc-url <url>", "RPC server of the network"],
    ["--deposit", "print where to send how much, and wait for it (esim)"],
    ["--key <text>", "idempotency key: the same key again continues, and never pays twice"],
    ["--order <id>", "continue an order instead of making one"],
    ["--wait <seconds>", "longest wait (900)"],
    ["--reveal", "print the whole card number and cvv, or what installs the eSIM"],
    ["--json", "print one JSON object"],
  ],
  async run(args, terminal) {
    const { values, positionals } = parse(args);
    const goods = positionals.join(" ");
    if (goods !== "card" && goods !== "esim")
      throw new UsageError(
        "say what to buy: vend402 buy card --amount 10, or buy esim --plan <id>",
      );
    const purchase = purchaseOf(goods, values);
    const isByX402 = goods === "esim" || values.network !== undefined;
    // Said before anything happens: a program that is killed cannot say it any more.
    const flags = x402Flags(isByX402, values);
    const how = (error: unknown) =>
      `vend402 buy ${goods} ${howToContinue(error, purchase)}${flags}`;
    try {
      if (isByX402) {
        const wish = wishOf(goods, purchase, values);
        terminal.note(`to continue after any crash: ${how(null)}`);
        await (values.deposit ? buyByDeposit(terminal, wish) : buyByX402(terminal, wish));
      } else await buyOnStellar(terminal, purchase, values, how);
      return 0;
    } catch (error) {
      if (!isUsageError(error)) terminal.note(`to continue: ${how(error)}`);
      throw error;
    }
  },
};

async function buyOnStellar(
  terminal: Terminal,
  purchase: Wanted,
  values: Values,
  how: (error: unknown) => string,
): Promise<void> {
  const { asset = "auto" } = values;
  if (asset !== "usdc" && asset !== "xlm" && asset !== "auto")
    throw new UsageError("--asset is usdc, xlm or auto");
  const wanted = "orderId" in purchase ? purchase : cardOf(purchase);
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
  terminal.note(`to continue after any crash: ${how(null)}`);
  const onStep = (step: PurchaseStep) => terminal.note(progressLine(step));
  print(terminal, await purchaseCard({ ...options, ...wanted, onStep }), values);
}

function cardOf(purchase: Exclude<Wanted, { readonly orderId: string }>) {
  if ("amountUsdc" in purchase) return purchase;
  throw new UsageError("--amount is missing");
}

function wishOf(goods: "card" | "esim", purchase: Wanted, values: Values): X402Wish {
  const { approve, deposit, json, network, reveal } = values;
  if (approve !== undefined && approve !== "exact" && approve !== "unlimited")
    throw new UsageError("--approve is exact or unlimited");
  if (network !== undefined && network !== "stellar" && !/^[a-z0-9]+:[A-Za-z0-9-]+$/.test(network))
    throw new UsageError("--network is stellar or an id such as eip155:137");
  if (deposit && "orderId" in purchase) throw new UsageError("--deposit goes without --order");
  return {
    goods: "orderId" in purchase ? goods : purchase,
    orderId: "orderId" in purchase ? purchase.orderId : null,
    idempotencyKey: "orderId" in purchase ? "" : purchase.idempotencyKey,
    network,
    asset: values.asset,
    maxUsd: values["max-usd"],
    maxXlm: values["max-xlm"],
    keyEnv: values["key-env"],
    keyFile: values["key-file"],
    approve,
    rpcUrl: values["rpc-url"],
    waitMs: secondsOf(values.wait) * 1000,
    reveal,
    json,
  };
}

/** What must be said again to continue by x402. Without --asset and the like: the way is settled by then. */
function x402Flags(isByX402: boolean, values: Values): string {
  if (!isByX402) return "";
  const names = ["network", "max-usd", "key-env", "key-file"] as const;
  return names
    .flatMap((name) => (values[name] === undefined ? [] : [` --${name} ${values[name]}`]))
    .join("");
}

type Wanted =
  | { readonly orderId: string }
  | { readonly amountUsdc: string; readonly idempotencyKey: string }
  | { readonly planId: string; readonly idempotencyKey: string };

function purchaseOf(goods: "card" | "esim", { amount, key, order, plan }: Values): Wanted {
  const [flag, value] = goods === "card" ? ["--amount", amount] : ["--plan", plan];
  if (order !== undefined) {
    if (value !== undefined || key !== undefined)
      throw new UsageError(`--order goes without ${flag} and --key`);
    return { orderId: order };
  }
  if (value === undefined) throw new UsageError(`${flag} is missing`);
  const idempotencyKey = key ?? randomUUID();
  return goods === "card"
    ? { amountUsdc: value, idempotencyKey }
    : { planId: value, idempotencyKey };
}

function secondsOf(text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0)
    throw new UsageError("--wait is a number of seconds");
  return Number(text);
}

function howToContinue(error: unknown, wanted: Wanted): string {
  const orderId = error instanceof Vend402Error ? error.purchase?.orderId : undefined;
  if ("orderId" in wanted) return `--order ${wanted.orderId}`;
  if (typeof orderId === "string") return `--order ${orderId}`;
  const goods = "planId" in wanted ? `--plan ${wanted.planId}` : `--amount ${wanted.amountUsdc}`;
  return `${goods} --key ${wanted.idempotencyKey}`;
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
