/**
 * Stores orders as fast as it can and prints the id of each one that the store has acknowledged. To be killed.
 * Arguments: the data file, and a word that makes this run's ids its own.
 */
import { createLog } from "../../src/log.ts";
import { openSqliteStore } from "../../src/store/sqlite.ts";
import { ACTIONS_URL, step, type ContractActions } from "../contracts/store/actions.ts";
import { newAnswer, newEvent, newOrder, NOW_MS } from "../contracts/store/rows.ts";

const CALLERS = 64;
const [file = "", run = ""] = process.argv.slice(2);

const store = await openSqliteStore<ContractActions>({
  file,
  thread: "worker",
  actionsUrl: ACTIONS_URL,
  log: createLog({
    level: "error",
    now: () => NOW_MS,
    write: (line) => process.stderr.write(line),
  }),
  onFatal: (error) => {
    throw error;
  },
});

let next = 0;

async function storeOrder(): Promise<void> {
  const id = `ord_${run}_${next++}`;
  await store.transact("run", [
    step("orders", "insert", newOrder({ id })),
    step("events", "insert", newEvent({ orderId: id })),
    step("jobs", "insert", "expire", id, NOW_MS),
    step("idempotency", "insert", newAnswer({ key: id })),
  ]);
  // A pipe is written to at once, so what was printed was acknowledged before the kill.
  process.stdout.write(`${id}\n`);
}

await Promise.all(
  Array.from({ length: CALLERS }, async () => {
    for (;;) await storeOrder();
  }),
);
