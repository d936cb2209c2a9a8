/** The reading and the writing handle of `tx.ts`, put together from the tables. */
import { readAttempts, writeAttempts } from "./attempts.ts";
import { readAuthorizations, writeAuthorizations } from "./authorizations.ts";
import { readBreakers, writeBreakers } from "./breakers.ts";
import { readCursors, writeCursors } from "./cursors.ts";
import { readDeposits, writeDeposits } from "./deposits.ts";
import { readEvents, writeEvents } from "./events.ts";
import { readGoods, writeGoods } from "./goods.ts";
import { readIdempotency, writeIdempotency } from "./idempotency.ts";
import { readJobs, writeJobs } from "./jobs.ts";
import { readKeys, writeKeys } from "./keys.ts";
import { readLedger, writeLedger } from "./ledger.ts";
import type { Announcement } from "./notice.ts";
import { readOrders, writeOrders } from "./orders.ts";
import { readPayouts, writePayouts } from "./payouts.ts";
import { readRestores, writeRestores } from "./restores.ts";
import type { Sql, SqlReader } from "./sql.ts";
import type { Reader, Tx } from "./tx.ts";

export function createReader(sql: SqlReader): Reader {
  return {
    keys: readKeys(sql),
    orders: readOrders(sql),
    events: readEvents(sql),
    deposits: readDeposits(sql),
    authorizations: readAuthorizations(sql),
    cursors: readCursors(sql),
    attempts: readAttempts(sql),
    goods: readGoods(sql),
    payouts: readPayouts(sql),
    ledger: readLedger(sql),
    jobs: readJobs(sql),
    idempotency: readIdempotency(sql),
    breakers: readBreakers(sql),
    restores: readRestores(sql),
  };
}

/** @param announcement Collects what the writes will announce once they have committed. */
export function createTx(sql: Sql, announcement: Announcement): Tx {
  return {
    keys: writeKeys(sql),
    orders: writeOrders(sql),
    events: writeEvents(sql, announcement),
    deposits: writeDeposits(sql),
    authorizations: writeAuthorizations(sql),
    cursors: writeCursors(sql),
    attempts: writeAttempts(sql),
    goods: writeGoods(sql),
    payouts: writePayouts(sql),
    ledger: writeLedger(sql),
    jobs: writeJobs(sql, announcement),
    idempotency: writeIdempotency(sql),
    breakers: writeBreakers(sql),
    restores: writeRestores(sql),
  };
}
