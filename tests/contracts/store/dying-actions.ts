/** Actions that take their thread down with them. */
import type { Tx } from "../../../src/store/tx.ts";
import { newKey } from "./rows.ts";

export const actions = {
  insertKey: (tx: Tx, id: string): Promise<void> => tx.keys.insert(newKey({ id })),
  async exit(): Promise<void> {
    process.exit(3);
  },
  async throwLater(): Promise<void> {
    queueMicrotask(() => {
      throw new Error("thrown where nobody can catch it");
    });
  },
} as const;

export type DyingActions = typeof actions;
