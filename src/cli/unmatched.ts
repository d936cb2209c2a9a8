import { parseArgs } from "node:util";
import { systemClock } from "../clock.ts";
import { Stop, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { withStore } from "./settings.ts";

const DEFAULT_ROWS = 50;

export const unmatched: Command = {
  usage: "unmatched [--limit N] [--json] | unmatched refund DEPOSIT-ID",
  summary: "payments that belong to no order, with the reason; and the way to send one back",
  run: async (args, out) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { limit: { type: "string" }, json: { type: "boolean" } },
      allowPositionals: true,
    });
    const [verb, depositId] = positionals;
    if (verb === "refund") return refund(depositId, out);
    if (verb !== undefined) throw new Stop(`"${verb}" is nothing to do with unmatched payments`);
    const limit = values.limit === undefined ? DEFAULT_ROWS : Number(values.limit);
    if (!Number.isInteger(limit) || limit < 1) throw new Stop("--limit must be a whole number");
    return list(limit, values.json === true, out);
  },
};

async function list(limit: number, isJson: boolean, out: Output): Promise<void> {
  const rows = await withStore(async ({ read }) => {
    const deposits = await read.deposits.unmatched(limit);
    return Promise.all(
      deposits.map(async (deposit) => ({
        ...deposit,
        payout: (await read.payouts.ofDeposit(deposit.id)).at(0) ?? null,
      })),
    );
  });
  if (isJson) return out.json(rows);
  out.table([
    ["DEPOSIT", "SEEN", "ASSET", "BASE UNITS", "REASON", "SAID TO BE FOR", "REFUND"],
    ...rows.map((row) => [
      row.id,
      new Date(row.seenAtMs).toISOString(),
      row.symbol,
      row.atomic.toString(),
      row.reason ?? "",
      row.orderRef,
      row.payout === null ? "none yet" : `${row.payout.state} ${row.payout.txId ?? ""}`,
    ]),
  ]);
}

async function refund(depositId: string | undefined, out: Output): Promise<void> {
  if (depositId === undefined) throw new Stop("say which one: unmatched refund DEPOSIT-ID");
  const nowMs = systemClock.now();
  const answer = await withStore((store) =>
    store.transact("refundUnmatched", { depositId, nowMs }),
  );
  if (answer.kind === "refused") throw new Stop(`it is not sent back: ${answer.reason}`);
  out.line(`owed as payout ${answer.payoutId}; the running server sends it`);
}
