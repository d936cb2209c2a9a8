-- What an order needs that is paid on one of several rails, some of which take payments back.

-- Where the buyer wants a refund, if it can not go back to the payer.
ALTER TABLE orders ADD COLUMN refund_to TEXT;
-- One entry per rail instead of one rail's.
UPDATE orders SET instructions = json_array(json(instructions));
-- Orders that may be paid now, for rails where each has an address of its own.
CREATE INDEX orders_by_window ON orders (window_closes_at_ms);

-- seen: the chain may still take it back · final · dropped: taken back before it counted · lost: taken back after.
ALTER TABLE deposits ADD COLUMN state TEXT NOT NULL DEFAULT 'final';
ALTER TABLE deposits ADD COLUMN block_hash TEXT;
ALTER TABLE deposits ADD COLUMN authorization_ref TEXT;
ALTER TABLE deposits ADD COLUMN is_payer_safe INTEGER NOT NULL DEFAULT 1 CHECK (is_payer_safe IN (0, 1));
CREATE INDEX deposits_by_height ON deposits (rail_id, height) WHERE block_hash IS NOT NULL;

-- Signed promises to pay (x402), kept so that they can be carried out again while they are valid.
CREATE TABLE authorizations (
  ref            TEXT    NOT NULL PRIMARY KEY,
  order_id       TEXT    NOT NULL REFERENCES orders (id),
  rail_id        TEXT    NOT NULL,
  state          TEXT    NOT NULL,
  payer          TEXT    NOT NULL,
  asset_id       TEXT    NOT NULL,
  symbol         TEXT    NOT NULL,
  decimals       INTEGER NOT NULL,
  atomic         TEXT    NOT NULL,
  valid_until_ms INTEGER NOT NULL,
  body           TEXT    NOT NULL,
  tx_id          TEXT,
  reason         TEXT,
  claimed_at_ms  INTEGER NOT NULL,
  updated_at_ms  INTEGER NOT NULL
) STRICT;

CREATE INDEX authorizations_by_order ON authorizations (order_id);
-- At most one promise of an order is being carried out, or was.
CREATE UNIQUE INDEX authorizations_alive ON authorizations (order_id) WHERE state <> 'failed';

-- A lane may belong to several rails: the nonces of one treasury.
DROP INDEX payouts_signed;
CREATE UNIQUE INDEX payouts_signed ON payouts (lane) WHERE state = 'signed';
