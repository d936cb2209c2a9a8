import { type TupleItem, TupleReader } from "@ton/core";
import type { MethodResult } from "./chain.ts";

/** The answer of a get-method that two sources give; null when they differ. */
export function sameAnswer(one: MethodResult, other: MethodResult): MethodResult | null {
  const [hasRun, hasOtherRun] = [ranToEnd(one.exitCode), ranToEnd(other.exitCode)];
  // Servers have words of their own for a method that did not run, or an account without code.
  if (!hasRun && !hasOtherRun) return one;
  const [items, others] = [itemsOf(one), itemsOf(other)];
  const isSame = hasRun === hasOtherRun && textOf(items) === textOf(others);
  return isSame ? { exitCode: one.exitCode, stack: new TupleReader([...items]) } : null;
}

/** The TVM has two codes for it; below zero there is no code at all. */
export function ranToEnd(exitCode: number): boolean {
  return exitCode === 0 || exitCode === 1;
}

/** Reads the stack to its end. */
function itemsOf({ stack }: MethodResult): readonly TupleItem[] {
  return Array.from({ length: stack.remaining }, () => stack.pop());
}

/** The same for the same values; some servers show a slice as a cell. */
function textOf(items: readonly TupleItem[]): string {
  const texts = items.map((item): string => {
    switch (item.type) {
      case "int":
        return String(item.value);
      case "cell":
      case "slice":
      case "builder":
        return item.cell.hash().toString("hex");
      case "tuple":
        return `[${textOf(item.items)}]`;
      case "null":
      case "nan":
        return item.type;
    }
  });
  return texts.join();
}
