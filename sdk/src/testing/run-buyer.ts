import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { text } from "node:stream/consumers";
import type { BuyerOrders } from "./buyer-process.ts";

const PROGRAM = path.join(import.meta.dirname, "buyer-process.ts");

/** Runs the buyer until it ends; resolves with the signal that killed it. Rejects with what it wrote if none did. */
export async function runBuyer(orders: BuyerOrders): Promise<string> {
  const child = spawn(process.execPath, [PROGRAM], {
    env: { PATH: process.env["PATH"], BUYER: JSON.stringify(orders) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = once(child, "exit") as Promise<[number | null, string | null]>;
  const [output, complaints, [, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    exit,
  ]);
  if (signal === null) throw new Error(`the buyer lived on: ${output}${complaints}`);
  return signal;
}
