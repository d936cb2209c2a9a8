/** Reads a shop's database beside the shop and says what does not add up. */
import { DatabaseSync } from "node:sqlite";
import { isFinal, transitionFor } from "../../src/orders/lifecycle.ts";
import type { OrderEvent, OrderState } from "../../src/orders/lifecycle.ts";
import type { SoldCard, SoldEsim } from "../../devnet/suppliers/index.ts";

export type Row = Readonly<Record<string, unknown>>;

/** Runs one query on the shop's data file; the shop may be running. */
export function query(databaseFile: string, sql: string, ...values: string[]): readonly Row[] {
  const db = new DatabaseSync(databaseFile, { readOnly: true, timeout: 10_000 });
  try {
    return db.prepare(sql).all(...values);
  } finally {
    db.close();
  }
}

/** Everything that is not settled: empty when every paid order has ended and nothing is owed or in hand. */
export function unsettled(databaseFile: string): readonly string[] {
  const db = new DatabaseSync(databaseFile, { readOnly: true, timeout: 10_000 });
  try {
    // One transaction: the shop may commit between two queries.
    db.exec("BEGIN");
    const all = (sql: string): readonly Row[] => db.prepare(sql).all();
    return [
      ...unbalanced(all("SELECT account, asset_id, atomic FROM postings")),
      ...all(
        "SELECT account, atomic FROM balances WHERE account LIKE 'owed:%' AND atomic <> '0'",
      ).map((row) => `${text(row["account"])} is ${text(row["atomic"])}`),
      ...all(
        "SELECT id, state FROM attempts WHERE state IN ('submitting', 'unknown', 'accepted')",
      ).map((row) => `attempt ${text(row["id"])} is ${text(row["state"])}`),
      // An order's expiry waits for the end of its window, whatever became of the order.
      ...all("SELECT kind, subject, last_error FROM jobs WHERE kind <> 'expire'").map(
        (row) => `job ${text(row["kind"])} of ${text(row["subject"])} is open`,
      ),
      ...all("SELECT kind, subject, last_error FROM dead_jobs").map(
        (row) => `job ${text(row["kind"])} of ${text(row["subject"])} is dead`,
      ),
      ...all("SELECT id, state FROM payouts WHERE state <> 'final'").map(
        (row) => `payout ${text(row["id"])} is ${text(row["state"])}`,
      ),
      ...all("SELECT id FROM dead_letters WHERE closed_at_ms IS NULL").map(
        (row) => `event ${text(row["id"])} could not be read`,
      ),
      ...badOrders(all("SELECT id, state, seq, payment FROM orders")),
      ...badStories(
        all("SELECT order_id, seq, event, state FROM order_events ORDER BY order_id, seq"),
      ),
    ];
  } finally {
    db.close();
  }
}

/** A piece of goods by the supplier's own ledger. */
interface Sold {
  /** The attempt that it was sold to. */
  readonly reference: string;
  readonly costUsdMicro: bigint;
}

/** What contradicts the card supplier's own ledger: a card too many, one that we do not know, a cost not booked. */
export function supplierDoubts(databaseFile: string, sold: readonly SoldCard[]): readonly string[] {
  const pieces = sold.map(({ reference, cost }) => ({
    reference,
    costUsdMicro: BigInt(`${cost.replace(".", "")}0000`),
  }));
  return doubtsAbout(databaseFile, pieces);
}

/** The same for the wholesaler of eSIMs; what we gave back was not sold. */
export function wholesalerDoubts(
  databaseFile: string,
  sold: readonly SoldEsim[],
): readonly string[] {
  const pieces = sold
    .filter(({ status }) => status !== "cancelled")
    .map(({ transactionId, price }) => ({
      reference: transactionId,
      costUsdMicro: BigInt(price) * 100n,
    }));
  return doubtsAbout(databaseFile, pieces);
}

function doubtsAbout(databaseFile: string, sold: readonly Sold[]): readonly string[] {
  const attempts = query(databaseFile, "SELECT id, order_id, state, cost_usd_micro FROM attempts");
  const attemptOf = new Map(attempts.map((row) => [row["id"], row]));
  const piecesOf = new Map<unknown, number>();
  const doubts: string[] = [];
  for (const { reference, costUsdMicro } of sold) {
    const attempt = attemptOf.get(reference);
    if (attempt === undefined) {
      doubts.push(`something was bought for ${reference}, which we do not know`);
      continue;
    }
    const orderId = attempt["order_id"];
    piecesOf.set(orderId, (piecesOf.get(orderId) ?? 0) + 1);
    if (attempt["cost_usd_micro"] !== costUsdMicro.toString())
      doubts.push(
        `${reference} cost ${costUsdMicro}, booked as ${text(attempt["cost_usd_micro"])}`,
      );
  }
  for (const [orderId, count] of piecesOf)
    if (count > 1) doubts.push(`${count} pieces were bought for ${text(orderId)}`);
  for (const row of attempts.filter(({ state }) => state === "delivered"))
    if (!piecesOf.has(row["order_id"]))
      doubts.push(`${text(row["order_id"])} was delivered without goods`);
  return doubts;
}

/** Base units that the ledger says are held of an asset, over all rails; `asset` is part of its id. */
export function heldOf(databaseFile: string, asset: string): bigint {
  return query(databaseFile, "SELECT asset_id, atomic FROM balances WHERE account LIKE 'held:%'")
    .filter((row) => text(row["asset_id"]).includes(asset.toLowerCase()))
    .reduce((sum, row) => sum + BigInt(text(row["atomic"])), 0n);
}

/** Base units that the ledger says a rail holds, by asset symbol ("USDC", "XLM"). */
export function heldAtomic(databaseFile: string, symbol: "USDC" | "XLM"): bigint {
  const rows = query(
    databaseFile,
    "SELECT asset_id, atomic FROM balances WHERE account LIKE 'held:%'",
  );
  const isWanted = (id: string): boolean => id.includes("asset:USDC") === (symbol === "USDC");
  return rows
    .filter((row) => isWanted(text(row["asset_id"])))
    .reduce((sum, row) => sum + BigInt(text(row["atomic"])), 0n);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function unbalanced(postings: readonly Row[]): readonly string[] {
  const sums = new Map<string, bigint>();
  for (const row of postings) {
    const asset = text(row["asset_id"]);
    sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(text(row["atomic"])));
  }
  return [...sums]
    .filter(([, sum]) => sum !== 0n)
    .map(([asset, sum]) => `postings of ${asset} sum to ${sum}`);
}

function badOrders(orders: readonly Row[]): readonly string[] {
  return orders
    .filter((row) => row["payment"] !== null && !isFinal(row["state"] as OrderState))
    .map((row) => `order ${text(row["id"])} was paid and is ${text(row["state"])}`);
}

/** Event rows of an order must follow the lifecycle, one by one and without a hole. */
function badStories(events: readonly Row[]): readonly string[] {
  const bad: string[] = [];
  let before: Row | null = null;
  for (const row of events) {
    const isFirst = before === null || before["order_id"] !== row["order_id"];
    const where = `event ${text(row["seq"])} of ${text(row["order_id"])}`;
    if (isFirst) {
      if (row["seq"] !== 1 || row["event"] !== "created") bad.push(`${where} is not its beginning`);
    } else {
      const from = before?.["state"] as OrderState;
      const [, , to] = transitionFor(from, row["event"] as OrderEvent) ?? [];
      if (to !== row["state"]) bad.push(`${where} does not follow from ${from}`);
      if (row["seq"] !== Number(before?.["seq"]) + 1)
        bad.push(`${where} does not follow the one before`);
    }
    before = row;
  }
  return bad;
}
