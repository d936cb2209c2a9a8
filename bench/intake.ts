import { createWorld, type World } from "../tests/world/world.ts";
import type { ShopProcess } from "../tests/world/shop-process.ts";
import { runLoad, type LoadReport } from "./load.ts";
import type { Size } from "./main.ts";
import { median, type Row } from "./report.ts";

const CONNECTIONS = 256;
const ROUNDS = 3;

/**
 * Durable order intake over HTTP: the real server, each 201 after its fsync, against the same server that
 * commits one request at a time. Both run side by side and are measured in turns, so that whatever else the
 * machine does falls on both.
 */
export async function* intake(size: Size): AsyncGenerator<Row> {
  const grouped = await openShop({});
  const single = await openShop({ VEND402_STORE_BATCH: "1" });
  const seconds = size.isSmall ? 0.5 : size.seconds;
  const rounds = size.isSmall ? 1 : ROUNDS;
  try {
    // Both are warm before anything is measured: a cold server is measured by its compiler.
    if (!size.isSmall)
      for (const shop of [grouped, single]) await load(shop, { seconds, idempotent: true });
    for (const idempotent of size.isSmall ? [false] : [false, true]) {
      const reports: Record<"grouped" | "single", LoadReport[]> = { grouped: [], single: [] };
      for (let round = 0; round < rounds; round++) {
        reports.grouped.push(await load(grouped, { seconds, idempotent }));
        reports.single.push(await load(single, { seconds, idempotent }));
      }
      yield rowOf(reports, idempotent);
    }
  } finally {
    await Promise.all([grouped.close(), single.close()]);
  }
}

interface BenchShop {
  readonly shop: ShopProcess;
  readonly apiKey: string;
  close(): Promise<void>;
}

async function openShop(env: Readonly<Record<string, string>>): Promise<BenchShop> {
  const world: World = await createWorld({ closeEveryMs: "manual", env });
  const apiKey = await world.newApiKey("--orders-per-hour", "999999999");
  const shop = await world.startShop({ VEND402_LOG_LEVEL: "warn" });
  return {
    shop,
    apiKey,
    close: async () => {
      await shop.stop();
      await world.close();
    },
  };
}

function load(
  { shop, apiKey }: BenchShop,
  how: { readonly seconds: number; readonly idempotent: boolean },
): Promise<LoadReport> {
  return runLoad({
    url: shop.url,
    method: "POST",
    path: "/v1/orders",
    headers: {
      "X-Api-Key": apiKey,
      ...(how.idempotent ? { "Idempotency-Key": "bench-%n" } : {}),
    },
    body: JSON.stringify({ amount_usdc: "10.00" }),
    expectedStatus: 201,
    connections: CONNECTIONS,
    seconds: how.seconds,
  });
}

function rowOf(
  reports: Readonly<Record<"grouped" | "single", readonly LoadReport[]>>,
  idempotent: boolean,
): Row {
  const perSecond = (of: readonly LoadReport[]): number =>
    median(of.map(({ answered, seconds }) => answered / seconds));
  const { grouped } = reports;
  const refused = grouped.reduce((sum, report) => sum + report.refused, 0);
  const share = Math.round(median(grouped.map(({ cpuShare }) => cpuShare)) * 100);
  return {
    bench: "intake",
    metric: idempotent ? "orders_per_s_with_idempotency" : "orders_per_s",
    value: perSecond(grouped),
    baseline: "one transaction per request",
    baselineValue: perSecond(reports.single),
    p50Ms: median(grouped.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(grouped.map(({ p99Ms }) => p99Ms)),
    note:
      `${CONNECTIONS} connections, every 201 after its fsync, ${refused} refused; ` +
      `the load generator on the same machine took ${share} % of a core`,
  };
}
