import { parseArgs } from "node:util";
import { systemClock } from "../clock.ts";
import type { PayoutState } from "../store/rows.ts";
import { Stop, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { withStore } from "./settings.ts";

const STATES: readonly PayoutState[] = ["due", "signed", "blocked", "final"];
const DEFAULT_ROWS = 100;

export const refunds: Command = {
  usage: "refunds [--state due|signed|blocked|final] [--json] | refunds retry PAYOUT-ID [--to G…]",
  summary: "money that goes back, and the way to send a blocked refund on its way again",
  run: async (args, out) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        state: { type: "string" },
        to: { type: "string" },
        json: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const [verb, payoutId] = positionals;
    if (verb === "retry") return retry(payoutId, values.to ?? null, out);
    if (verb !== undefined) throw new Stop(`"${verb}" is nothing to do with refunds`);
    const states = STATES.filter((state) => values.state === undefined || values.state === state);
    if (states.length === 0) throw new Stop(`--state must be one of: ${STATES.join(", ")}`);
    return list(states, values.json === true, out);
  },
};

async function list(states: readonly PayoutState[], isJson: boolean, out: Output): Promise<void> {
  const rows = await withStore(({ read }) => read.payouts.list(states, DEFAULT_ROWS));
  if (isJson) return out.json(rows.map(({ body: _signedBytes, ...row }) => row));
  out.table([
    ["PAYOUT", "CAUSE", "STATE", "BASE UNITS", "TO", "TRANSACTION", "NOTE"],
    ...rows.map((row) => [
      row.id,
      row.cause,
      row.state,
      row.atomic.toString(),
      row.to,
      row.txId ?? "",
      row.reason ?? "",
    ]),
  ]);
}

async function retry(payoutId: string | undefined, to: string | null, out: Output): Promise<void> {
  if (payoutId === undefined) throw new Stop("say which one: refunds retry PAYOUT-ID");
  const nowMs = systemClock.now();
  const isMoved = await withStore((store) =>
    store.transact("redirectPayout", { payoutId, to, nowMs }),
  );
  if (!isMoved)
    throw new Stop(
      `${payoutId} is not a blocked refund, or its payment owes it no more; see vend402 refunds`,
    );
  out.line(`${payoutId} is due again; the running server sends it`);
}
