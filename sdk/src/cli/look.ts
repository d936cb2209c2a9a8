import { parseArgs } from "node:util";
import type { Order } from "../answers.ts";
import { createClient } from "../client.ts";
import type { UsageView } from "../wire.ts";
import { UsageError, type Command, type Terminal } from "./command.ts";
import { columns, printCard, printJson, shownOrder } from "./print.ts";
import { tonAddress } from "../x402/ton-chain.ts";
import { accountFrom, hasStellarWallet, shopFrom, signerFrom, tonFrom } from "./settings.ts";

const JSON_FLAG = { json: { type: "boolean", default: false } } as const;
const JSON_ROW = ["--json", "print JSON"] as const;

/** One order, with its card once delivered. */
export const order: Command = {
  usage: "order <id>",
  summary: "show one order, with its card once it is delivered",
  options: [["--reveal", "print the whole card number and cvv"], JSON_ROW],
  async run(args, terminal) {
    const options = { ...JSON_FLAG, reveal: { type: "boolean", default: false } } as const;
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [id] = positionals;
    if (id === undefined || positionals.length > 1) throw new UsageError("name one order");
    const found = await createClient(shopFrom(terminal.env)).getOrder(id, {
      signal: terminal.signal,
    });
    if (values.json) printJson(terminal, shownOrder(found, values.reveal));
    else printOrder(terminal, found, values.reveal);
    return 0;
  },
};

function printOrder(terminal: Terminal, found: Order, isRevealed: boolean): void {
  const {
    order_id: id,
    phase,
    amount_usdc: amount,
    created_at: createdAt,
    card,
    error,
    note,
    refund,
  } = found;
  const rows = [
    ["order", id],
    ["phase", phase],
    ["amount", `${amount} USD`],
    ["created", createdAt],
    ["error", error],
    ["note", note],
    ["refund", refund?.stellar_txid ?? refund?.tx_id],
  ].filter((row): row is string[] => row[1] !== undefined && row[1] !== null);
  for (const line of columns(rows)) terminal.data(line);
  if (card !== undefined) printCard(terminal, card, isRevealed);
}

export const orders: Command = {
  usage: "orders",
  summary: "list your orders, newest first",
  options: [
    ["--status <word>", "only these: delivered, refunded, …"],
    ["--limit 20", "at most 200"],
    JSON_ROW,
  ],
  async run(args, terminal) {
    const options = {
      ...JSON_FLAG,
      status: { type: "string" },
      limit: { type: "string", default: "20" },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    if (!/^\d{1,3}$/.test(values.limit)) throw new UsageError("--limit is a number up to 200");
    const client = createClient(shopFrom(terminal.env));
    const found = await client.listOrders({
      status: values.status,
      limit: Number(values.limit),
      signal: terminal.signal,
    });
    if (values.json) printJson(terminal, found);
    else {
      const rows = found.map((row) => [row.created_at, row.status, row.amount_usdc, row.id]);
      for (const line of columns([["CREATED", "STATUS", "USD", "ORDER"], ...rows]))
        terminal.data(line);
    }
    return 0;
  },
};

export const usage: Command = {
  usage: "usage",
  summary: "show the budget of your key and what became of its orders",
  options: [JSON_ROW],
  async run(args, terminal) {
    const { values } = parseArgs({ args: [...args], options: JSON_FLAG });
    const found = await createClient(shopFrom(terminal.env)).usage({ signal: terminal.signal });
    if (values.json) printJson(terminal, found);
    else for (const line of columns(usageRows(found))) terminal.data(line);
    return 0;
  },
};

function usageRows({ api_key_id: id, label, budget, orders: counts }: UsageView): string[][] {
  return [
    ["key", label === null ? id : `${label} (${id})`],
    ["spent", `${budget.spent_usdc} USD`],
    ["in flight", `${budget.in_flight_usdc} USD`],
    ["limit", budget.limit_usdc === null ? "none" : `${budget.limit_usdc} USD`],
    ...Object.entries(counts).map(([name, count]) => [name.replaceAll("_", " "), String(count)]),
  ];
}

export const wallet: Command = {
  usage: "wallet",
  summary: "show the accounts that your wallets pay from: the addresses to fund",
  options: [],
  async run(args, terminal) {
    parseArgs({ args: [...args], options: {} });
    const { env } = terminal;
    const [account, ton] = [await accountFrom(env, {}), tonFrom(env)];
    const rows = [
      ...(account === null ? [] : [["evm", account.address]]),
      ...(ton === null ? [] : [["ton", await tonAddress(ton)]]),
    ];
    if (rows.length === 0 || hasStellarWallet(env))
      rows.unshift(["stellar", (await signerFrom(env)).publicKey]);
    // One is the answer itself, for scripts.
    const lines = rows.length === 1 ? rows.map(([, address]) => address ?? "") : columns(rows);
    for (const line of lines) terminal.data(line);
    return 0;
  },
};
