-- Ids, amounts (base units) and JSON are TEXT, times are INTEGER milliseconds, flags are 0 or 1.

CREATE TABLE keys (
  id                  TEXT    NOT NULL PRIMARY KEY,
  hash                TEXT    NOT NULL UNIQUE,
  label               TEXT,
  limit_usd_micro     TEXT,
  spent_usd_micro     TEXT    NOT NULL,
  in_flight_usd_micro TEXT    NOT NULL,
  orders_per_hour     INTEGER,
  is_suspended        INTEGER NOT NULL CHECK (is_suspended IN (0, 1)),
  expires_at_ms       INTEGER,
  created_at_ms       INTEGER NOT NULL
) STRICT;

CREATE TABLE orders (
  id                  TEXT    NOT NULL PRIMARY KEY,
  key_id              TEXT    NOT NULL REFERENCES keys (id),
  product             TEXT    NOT NULL,
  request             TEXT    NOT NULL,
  state               TEXT    NOT NULL,
  seq                 INTEGER NOT NULL,
  price_usd_micro     TEXT    NOT NULL,
  quote               TEXT    NOT NULL,
  instructions        TEXT    NOT NULL,
  window_closes_at_ms INTEGER NOT NULL,
  fulfil_within_ms    INTEGER NOT NULL,
  deadline_at_ms      INTEGER,
  payment             TEXT,
  stage               TEXT,
  error               TEXT,
  metadata            TEXT,
  webhook_url         TEXT,
  created_at_ms       INTEGER NOT NULL,
  updated_at_ms       INTEGER NOT NULL
) STRICT;

CREATE INDEX orders_by_key ON orders (key_id, created_at_ms);
CREATE INDEX orders_by_key_updated ON orders (key_id, updated_at_ms);

-- How many orders a key has in each state: counting rows would take longer with every order.
CREATE TABLE order_counts (
  key_id TEXT    NOT NULL,
  state  TEXT    NOT NULL,
  count  INTEGER NOT NULL,
  PRIMARY KEY (key_id, state)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_events (
  order_id TEXT    NOT NULL REFERENCES orders (id),
  seq      INTEGER NOT NULL,
  event    TEXT    NOT NULL,
  state    TEXT    NOT NULL,
  facts    TEXT    NOT NULL,
  at_ms    INTEGER NOT NULL,
  PRIMARY KEY (order_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE deposits (
  id             TEXT    NOT NULL PRIMARY KEY,
  rail_id        TEXT    NOT NULL,
  tx_id          TEXT    NOT NULL,
  transfer_index INTEGER NOT NULL,
  order_ref      TEXT    NOT NULL,
  order_id       TEXT    REFERENCES orders (id),
  reason         TEXT,
  asset_id       TEXT    NOT NULL,
  symbol         TEXT    NOT NULL,
  atomic         TEXT    NOT NULL,
  sender         TEXT    NOT NULL,
  height         INTEGER NOT NULL,
  chain_time_ms  INTEGER NOT NULL,
  seen_at_ms     INTEGER NOT NULL
) STRICT;

CREATE INDEX deposits_by_order_ref ON deposits (order_ref);
CREATE INDEX deposits_unmatched ON deposits (seen_at_ms) WHERE reason IS NOT NULL;

CREATE TABLE dead_letters (
  id           TEXT    NOT NULL PRIMARY KEY,
  rail_id      TEXT    NOT NULL,
  height       INTEGER NOT NULL,
  reason       TEXT    NOT NULL,
  raw          TEXT    NOT NULL,
  seen_at_ms   INTEGER NOT NULL,
  closed_at_ms INTEGER
) STRICT;

CREATE INDEX dead_letters_open ON dead_letters (seen_at_ms) WHERE closed_at_ms IS NULL;

CREATE TABLE cursors (
  rail_id       TEXT    NOT NULL PRIMARY KEY,
  cursor        TEXT    NOT NULL,
  height        INTEGER NOT NULL,
  chain_time_ms INTEGER NOT NULL,
  saved_at_ms   INTEGER NOT NULL
) STRICT;

CREATE TABLE attempts (
  id             TEXT    NOT NULL PRIMARY KEY,
  order_id       TEXT    NOT NULL REFERENCES orders (id),
  supplier_id    TEXT    NOT NULL,
  state          TEXT    NOT NULL,
  stage          TEXT,
  stage_state    TEXT    NOT NULL,
  choice         TEXT    NOT NULL,
  cost_usd_micro TEXT,
  reason         TEXT,
  created_at_ms  INTEGER NOT NULL,
  updated_at_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX attempts_by_order ON attempts (order_id);
-- At most one purchase in flight per order.
CREATE UNIQUE INDEX attempts_in_flight ON attempts (order_id)
  WHERE state IN ('submitting', 'unknown', 'accepted');

CREATE TABLE goods (
  attempt_id    TEXT    NOT NULL PRIMARY KEY REFERENCES attempts (id),
  order_id      TEXT    UNIQUE REFERENCES orders (id),
  sealed        TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE payouts (
  id               TEXT    NOT NULL PRIMARY KEY,
  deposit_id       TEXT    NOT NULL REFERENCES deposits (id),
  cause            TEXT    NOT NULL,
  order_id         TEXT    REFERENCES orders (id),
  rail_id          TEXT    NOT NULL,
  asset_id         TEXT    NOT NULL,
  atomic           TEXT    NOT NULL,
  payee            TEXT    NOT NULL,
  state            TEXT    NOT NULL,
  tx_id            TEXT,
  lane             TEXT,
  body             TEXT,
  valid_until_ms   INTEGER,
  signed_at_height INTEGER,
  dead_tx_ids      TEXT    NOT NULL,
  reason           TEXT,
  created_at_ms    INTEGER NOT NULL,
  updated_at_ms    INTEGER NOT NULL
) STRICT;

-- A deposit's money goes back once per cause.
CREATE UNIQUE INDEX payouts_by_deposit ON payouts (deposit_id, cause);
-- One signed payout alive per lane: the next one would carry the same sequence number.
CREATE UNIQUE INDEX payouts_signed ON payouts (rail_id, lane) WHERE state = 'signed';
CREATE INDEX payouts_by_order ON payouts (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX payouts_by_state ON payouts (state, created_at_ms);

CREATE TABLE postings (
  entry_id TEXT    NOT NULL,
  line     INTEGER NOT NULL,
  account  TEXT    NOT NULL,
  asset_id TEXT    NOT NULL,
  atomic   TEXT    NOT NULL,
  at_ms    INTEGER NOT NULL,
  PRIMARY KEY (entry_id, line)
) STRICT, WITHOUT ROWID;

-- The sum of the postings of each account and asset, kept by the transaction that posts.
CREATE TABLE balances (
  account  TEXT NOT NULL,
  asset_id TEXT NOT NULL,
  atomic   TEXT NOT NULL,
  PRIMARY KEY (account, asset_id)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: an id is never used again, so a lost lease can not fence a later job.
CREATE TABLE jobs (
  id          INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
  kind        TEXT    NOT NULL,
  subject     TEXT    NOT NULL,
  run_at_ms   INTEGER NOT NULL,
  is_leased   INTEGER NOT NULL CHECK (is_leased IN (0, 1)),
  -- When it may be claimed: run_at_ms while it waits, the end of the lease while it is leased.
  due_at_ms   INTEGER NOT NULL,
  -- Set while it is leased: it was asked for anew, so it is due again when the present run has ended.
  again_at_ms INTEGER,
  claims      INTEGER NOT NULL,
  last_error  TEXT,
  UNIQUE (kind, subject)
) STRICT;

CREATE INDEX jobs_due ON jobs (kind, is_leased, due_at_ms);

CREATE TABLE dead_jobs (
  id         INTEGER NOT NULL PRIMARY KEY,
  kind       TEXT    NOT NULL,
  subject    TEXT    NOT NULL,
  run_at_ms  INTEGER NOT NULL,
  claims     INTEGER NOT NULL,
  last_error TEXT,
  died_at_ms INTEGER NOT NULL
) STRICT;

-- The id rises with age, which spares an index for pruning.
CREATE TABLE idempotency (
  id            INTEGER NOT NULL PRIMARY KEY,
  key_id        TEXT    NOT NULL REFERENCES keys (id),
  key           TEXT    NOT NULL,
  fingerprint   TEXT    NOT NULL,
  status        INTEGER NOT NULL,
  body          TEXT    NOT NULL,
  created_at_ms INTEGER NOT NULL,
  UNIQUE (key_id, key)
) STRICT;

CREATE TABLE breakers (
  supplier_id        TEXT    NOT NULL PRIMARY KEY,
  state              TEXT    NOT NULL,
  consecutive_faults INTEGER NOT NULL,
  opened_at_ms       INTEGER
) STRICT;
