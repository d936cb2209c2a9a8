import type { ShopActions } from "../actions/index.ts";
import type { Clock } from "../clock.ts";
import type { RandomBytes } from "../ids.ts";
import type { Log } from "../log.ts";
import type { Rail } from "../rails/rail.ts";
import type { Store } from "../store/tx.ts";
import type { Supplier } from "../suppliers/supplier.ts";
import type { Vault } from "../vault/seal.ts";
import type { SupplierBoard } from "./supplier-board.ts";

/** What the workers are given. */
export interface WorkerDeps {
  readonly store: Store<ShopActions>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Log;
  readonly vault: Vault;
  readonly rails: ReadonlyMap<string, Rail>; // by id
  readonly suppliers: ReadonlyMap<string, Supplier>; // by id
  readonly board: SupplierBoard;
  readonly limits: FulfilLimits;
}

export interface FulfilLimits {
  /** The most that goods may cost, parts per 10,000 of the order's price. */
  readonly maxCostBps: bigint;
  /** After this a supplier's last offers count as unknown. */
  readonly offersMaxAgeMs: number;
}
