/** The actions of the store's contract suite, and typed ways to call them. */
import { assert, Refusal } from "../../../src/errors.ts";
import type { Store, Tx } from "../../../src/store/tx.ts";

/** This module: where a thread finds the actions. */
export const ACTIONS_URL = new URL(import.meta.url);

type Args<Table extends keyof Tx, Method extends keyof Tx[Table]> = Tx[Table][Method] extends (
  ...args: infer All
) => unknown
  ? All
  : never;

type Result<Table extends keyof Tx, Method extends keyof Tx[Table]> = Tx[Table][Method] extends (
  ...args: never[]
) => Promise<infer Value>
  ? Value
  : never;

/** One call of a method of `Tx`, as data: `["jobs", "insert", ["fulfil", "ord_1", 5]]`. */
export type Step = {
  [Table in keyof Tx]: {
    [Method in keyof Tx[Table]]: readonly [Table, Method, Args<Table, Method>];
  }[keyof Tx[Table]];
}[keyof Tx];

async function run(tx: Tx, steps: readonly Step[]): Promise<readonly unknown[]> {
  const results: unknown[] = [];
  for (const [table, method, args] of steps) {
    const methods = tx[table] as unknown as Record<string, (...all: unknown[]) => Promise<unknown>>;
    const call = methods[method];
    assert(call !== undefined, `there is no ${table}.${method}`);
    results.push(await call(...args));
  }
  return results;
}

export const REFUSAL_FACTS = { limit: "10.00", attempts: 3, isFinal: false, hint: null };

/** Does the steps, then refuses. */
async function refuse(tx: Tx, steps: readonly Step[]): Promise<void> {
  await run(tx, steps);
  throw new Refusal("spend_limit_exceeded", "This order would pass the limit.", REFUSAL_FACTS);
}

/** Does the steps, then fails as a bug does. */
async function crash(tx: Tx, steps: readonly Step[]): Promise<void> {
  await run(tx, steps);
  throw new TypeError("something is not a function");
}

/** Read, compute, write: right only when no other action comes between. */
async function spend(tx: Tx, input: { readonly keyId: string; readonly usdMicro: bigint }) {
  const key = await tx.keys.byId(input.keyId);
  assert(key !== null, "no such key");
  const spentUsdMicro = key.spentUsdMicro + input.usdMicro;
  await tx.keys.setBudget(key.id, spentUsdMicro, key.inFlightUsdMicro);
  return spentUsdMicro;
}

/** Gives back what it was given. */
async function echo(_tx: Tx, input: unknown): Promise<unknown> {
  return input;
}

export const actions = { run, refuse, crash, spend, echo } as const;
export type ContractActions = typeof actions;
export type ContractStore = Store<ContractActions>;

/** A step for `run` in the company of others. */
export function step<Table extends keyof Tx, Method extends keyof Tx[Table]>(
  table: Table,
  method: Method,
  ...args: Args<Table, Method>
): Step {
  return [table, method, args] as unknown as Step;
}

/** One method of `Tx` in a transaction of its own. */
export async function within<Table extends keyof Tx, Method extends keyof Tx[Table]>(
  store: ContractStore,
  table: Table,
  method: Method,
  // oxlint-disable-next-line max-params -- the arguments of the method follow
  ...args: Args<Table, Method>
): Promise<Result<Table, Method>> {
  const [result] = await store.transact("run", [step(table, method, ...args)]);
  return result as Result<Table, Method>;
}
