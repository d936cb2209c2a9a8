import { describe } from "vitest";
import type { ContractStore } from "./store/actions.ts";
import { moneyContract } from "./store/money.ts";
import { orderContract } from "./store/orders.ts";
import { promiseContract } from "./store/promises.ts";
import { transactionContract } from "./store/transactions.ts";
import { workContract } from "./store/work.ts";

export interface OpenedStore {
  readonly store: ContractStore;
  /** Closes the store and opens another one on the same data. */
  readonly reopen: () => Promise<ContractStore>;
}

/** A store on fresh data, with the actions of `store/actions.ts`; closed and removed when the test ends. */
export type StoreBench = () => Promise<OpenedStore>;

/** What the shop relies on, whatever the engine behind it. */
export function storeContract(engine: string, open: StoreBench): void {
  // oxlint-disable-next-line vitest/valid-title -- the engine under test
  describe(engine, () => {
    transactionContract(open);
    orderContract(open);
    moneyContract(open);
    promiseContract(open);
    workContract(open);
  });
}
