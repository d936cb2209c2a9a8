import { parseArgs } from "node:util";
import type { ShopActions } from "../actions/index.ts";
import { formatDecimal } from "../money.ts";
import { usdText, wordsOf } from "../orders/view.ts";
import type { Store } from "../store/tx.ts";
import { Stop, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { withStore } from "./settings.ts";

export const orders: Command = {
  usage: "orders show ID [--json]",
  summary: "the timeline of an order: every event, its deposits, attempts and refunds",
  run: async ([verb, ...args], out) => {
    if (verb !== "show") throw new Stop("say what to do: orders show ID");
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } },
      allowPositionals: true,
    });
    const [orderId] = positionals;
    if (orderId === undefined) throw new Stop("say which order: orders show ID");
    const story = await withStore((store) => readStory(store, orderId));
    if (story === null) throw new Stop(`there is no order ${orderId}`);
    if (values.json === true) out.json(story);
    else printStory(story, out);
  },
};

type Story = NonNullable<Awaited<ReturnType<typeof readStory>>>;

/** Everything that is known of an order but its goods. */
async function readStory({ read }: Pick<Store<ShopActions>, "read">, orderId: string) {
  const order = await read.orders.byId(orderId);
  if (order === null) return null;
  return {
    order,
    events: await read.events.after(orderId, 0),
    deposits: await read.deposits.ofOrder(orderId),
    attempts: await read.attempts.ofOrder(orderId),
    payouts: await read.payouts.ofOrder(orderId),
  };
}

function printStory({ order, events, deposits, attempts, payouts }: Story, out: Output): void {
  const [status, phase] = wordsOf(order);
  out.line(`${order.id}  ${usdText(order.priceUsdMicro)} USD  ${order.product}`);
  out.line(`state ${order.state}, shown as ${status} / ${phase}`);
  if (order.error !== null) out.line(`error: ${order.error}`);
  out.line();
  out.table([
    ["AT", "+MS", "EVENT", "STATE", "FACTS"],
    ...events.map((row) => [
      new Date(row.atMs).toISOString(),
      String(row.atMs - order.createdAtMs),
      row.event,
      row.state,
      JSON.stringify(row.facts),
    ]),
  ]);
  const decimals = order.quote.legs[0]?.decimals ?? 0;
  const amount = (atomic: bigint): string => formatDecimal(atomic, decimals, 2);
  for (const row of deposits)
    out.line(
      `deposit  ${row.txId}  ${amount(row.atomic)} ${row.symbol} from ${row.from}, ` +
        (row.reason === null ? "the payment" : `unmatched: ${row.reason}`),
    );
  for (const row of attempts)
    out.line(`attempt  ${row.id}  at ${row.supplierId}: ${row.state} ${row.reason ?? ""}`);
  for (const row of payouts)
    out.line(
      `payout   ${row.txId ?? "not signed"}  ${row.cause}: ${row.state} ${row.reason ?? ""}`,
    );
}
