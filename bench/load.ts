import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

/** The request that is sent over and over. In headers and body "%n" becomes another number each time. */
export interface Load {
  /** Origin of the server. */
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty: none. */
  readonly body: string;
  /** Any other answer counts as refused. */
  readonly expectedStatus: number;
  readonly connections: number;
  readonly seconds: number;
}

/** What the load generator says of one round. */
export interface LoadReport {
  readonly answered: number;
  readonly refused: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of one core that the generator itself used. */
  readonly cpuShare: number;
}

/** Runs the generator in a process of its own, so that it does not share the server's thread. */
export async function runLoad(load: Load): Promise<LoadReport> {
  const entry = path.join(import.meta.dirname, "load-generator.ts");
  const child = spawn(process.execPath, [entry, JSON.stringify(load)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.on("data", (data: Buffer) => (text += data.toString()));
  await once(child, "close");
  return JSON.parse(text) as LoadReport;
}
