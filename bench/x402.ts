import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { runLoad, type Load, type LoadReport } from "./load.ts";
import type { Size } from "./main.ts";
import { median, type Row } from "./report.ts";

export const NETWORK = "eip155:137" as const;
export const TREASURY = "0x1111111111111111111111111111111111111111";
/** What both servers ask for. */
export const TOKENS = [
  {
    contract: "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359",
    symbol: "USDC",
    extra: { name: "USD Coin", version: "2" },
  },
  {
    contract: "0xc2132d05d31c914a87c6611c10748aeb04b58e8f",
    symbol: "USDT",
    extra: { assetTransferMethod: "permit2" },
  },
] as const;

const CONNECTIONS = 256;
const ROUNDS = 3;
const ORDER_PATH = "/api/v1/x402/order";

/**
 * 402 answers with a durable order behind each, against the reference middleware, which stores nothing; and polls of
 * an order that has not changed, against polls that are answered in full. All in turns, each server in a process
 * of its own.
 */
export async function* x402(size: Size): AsyncGenerator<Row> {
  const [shop, reference] = await Promise.all([
    startServer("x402-shop.ts"),
    startServer("x402-reference.ts"),
  ]);
  try {
    yield await measureChallenges(size, shop, reference);
    yield await measurePolls(size, shop);
  } finally {
    await Promise.all([shop.stop(), reference.stop()]);
  }
  // Only here: the two servers import this file for what they ask for.
  const { verify } = await import("./verify.ts");
  yield* verify(size);
}

interface Server {
  readonly url: string;
  /** The plan that it sells. */
  readonly planId: string;
  stop(): Promise<void>;
}

async function startServer(file: string): Promise<Server> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, file)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  const [url = "", planId = ""] = line.split(" ");
  return {
    url,
    planId,
    stop: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}

async function measureChallenges(size: Size, shop: Server, reference: Server): Promise<Row> {
  const post = { method: "POST", headers: {}, expectedStatus: 402 } as const;
  const body = JSON.stringify({ plan_id: shop.planId, client_ref: "bench-%n" });
  const [own, theirs] = await inTurns(size, [
    { ...post, url: shop.url, path: ORDER_PATH, body },
    { ...post, url: reference.url, path: "/order", body },
  ]);
  return {
    bench: "x402",
    metric: "challenges_per_s",
    ...compare(own, theirs),
    baseline: "@x402/express, which stores no order",
    note: `${CONNECTIONS} connections, every 402 after the fsync of its order, ${refusedOf(own)} refused`,
  };
}

async function measurePolls(size: Size, { url, planId }: Server): Promise<Row> {
  const answer = await fetch(`${url}${ORDER_PATH}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ plan_id: planId, client_ref: "polled" }),
  });
  const { status_url: status } = (await answer.json()) as { readonly status_url: string };
  const tag = (await fetch(url + status)).headers.get("etag") ?? "";
  const get = { method: "GET", url, path: status, body: "" } as const;
  const [known, full] = await inTurns(size, [
    { ...get, headers: { "If-None-Match": tag }, expectedStatus: 304 },
    { ...get, headers: {}, expectedStatus: 200 },
  ]);
  return {
    bench: "x402",
    metric: "polls_per_s_with_304",
    ...compare(known, full),
    baseline: "the same polls, answered in full",
    note: `${CONNECTIONS} connections, from memory but for one read in 5 s, ${refusedOf(known)} refused`,
  };
}

type Target = Omit<Load, "connections" | "seconds">;
type Reports = readonly LoadReport[];

/** Both warm, then measured alternately, so that whatever else the machine does falls on both. */
async function inTurns(
  size: Size,
  targets: readonly [Target, Target],
): Promise<readonly [Reports, Reports]> {
  const load = { connections: CONNECTIONS, seconds: size.isSmall ? 0.3 : size.seconds };
  const reports: [LoadReport[], LoadReport[]] = [[], []];
  const rounds = size.isSmall ? 1 : ROUNDS;
  if (!size.isSmall) for (const target of targets) await runLoad({ ...load, ...target });
  for (let round = 0; round < rounds; round++)
    for (const [index, target] of targets.entries())
      reports[index]?.push(await runLoad({ ...load, ...target }));
  return reports;
}

function compare(
  own: Reports,
  baseline: Reports,
): Pick<Row, "baselineValue" | "p50Ms" | "p99Ms" | "value"> {
  const perSecond = (of: Reports): number =>
    median(of.map(({ answered, seconds }) => answered / seconds));
  return {
    value: perSecond(own),
    baselineValue: perSecond(baseline),
    p50Ms: median(own.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(own.map(({ p99Ms }) => p99Ms)),
  };
}

function refusedOf(reports: Reports): number {
  return reports.reduce((sum, { refused }) => sum + refused, 0);
}
