import { existsSync } from "node:fs";
import { systemClock } from "../clock.ts";
import { readConfig, type Config } from "../config.ts";
import { createLog, writeToStderr } from "../log.ts";
import { openPriceBoard } from "../oracle/index.ts";
import { assembleParts, type Parts } from "../parts.ts";
import type { Rail } from "../rails/rail.ts";
import { openSqliteReader } from "../store/sqlite.ts";
import { Stop, type Command } from "./command.ts";
import type { Output } from "./output.ts";
import { databaseFile, loadEnvFile } from "./settings.ts";

const LIMIT_MS = 15_000;

/** One line of the diagnosis. */
interface Finding {
  readonly isFatal: boolean;
  readonly what: string;
  readonly fix: string | null;
}

export const doctor: Command = {
  usage: "doctor",
  summary: "checks the configuration and everything it names, and says what to fix",
  run: async (_args, out) => {
    loadEnvFile();
    const log = createLog({ level: "error", now: systemClock.now, write: writeToStderr });
    const read = readConfig();
    if (read.kind === "problems") return report(out, read.problems.map(wrongSetting));
    const assembled = assembleParts(read.config, log);
    if (assembled.kind === "problems") return report(out, assembled.problems.map(wrongSetting));
    out.line("ok    the configuration is complete");
    const { config } = read;
    const { parts } = assembled;
    out.progress("asking the network, the suppliers and the price sources…");
    const findings = await Promise.all([
      ...[...parts.rails.values()].map((rail) => examineRail(rail, config)),
      examineSuppliers(parts),
      examinePrices(config, parts),
      examineData(config),
    ]);
    report(out, findings.flat());
  },
};

function wrongSetting(problem: string): Finding {
  return { isFatal: true, what: problem, fix: null };
}

function good(what: string): Finding {
  return { isFatal: false, what: `ok    ${what}`, fix: null };
}

function report(out: Output, findings: readonly Finding[]): void {
  for (const { isFatal, what, fix } of findings) {
    if (what.startsWith("ok ")) out.line(what);
    else out.line(`${isFatal ? "FIX " : "warn"}  ${what}`);
    if (fix !== null) out.line(`      → ${fix}`);
  }
  const fatal = findings.filter(({ isFatal }) => isFatal).length;
  if (fatal > 0) throw new Stop(`${fatal} to fix before the shop can start`);
  out.line("the shop can start");
}

async function examineRail(rail: Rail, { dataFolder }: Config): Promise<readonly Finding[]> {
  const problems = await rail.check(await storedCursor(rail.id, databaseFile(dataFolder)));
  if (problems.length === 0) return [good(`${rail.id}: network, contracts and accounts are right`)];
  return problems.map(({ severity, what, fix }) => ({
    isFatal: severity === "fatal",
    what: `${rail.id}: ${what}`,
    fix,
  }));
}

/** Where the shop stopped reading; null when it never began. */
async function storedCursor(railId: string, file: string): Promise<string | null> {
  if (!existsSync(file)) return null;
  const reader = openSqliteReader(file);
  try {
    return (await reader.read.cursors.byRail(railId))?.cursor ?? null;
  } finally {
    reader.close();
  }
}

async function examineSuppliers({ suppliers }: Parts): Promise<readonly Finding[]> {
  return Promise.all(
    [...suppliers.values()].map(async (supplier): Promise<Finding> => {
      const answer = await supplier.offers(AbortSignal.timeout(LIMIT_MS));
      if (answer.kind === "done")
        return good(`supplier ${supplier.id}: ${answer.value.length} offers`);
      const fix = "check its address and key; the shop answers 503 until it can buy somewhere";
      return { isFatal: false, what: `supplier ${supplier.id}: ${answer.reason}`, fix };
    }),
  );
}

async function examinePrices(config: Config, parts: Parts): Promise<readonly Finding[]> {
  const log = createLog({ level: "error", now: systemClock.now, write: writeToStderr });
  const prices = openPriceBoard(
    { prices: config.prices, stellar: parts.priceNetwork },
    { clock: systemClock, log },
  );
  await prices.refresh();
  const assets = [...parts.rails.values()].flatMap((rail) => rail.assets);
  const findings = assets.flatMap((asset): Finding[] => {
    const price = prices.pricing(asset, systemClock.now());
    if (price.kind === "dollar") return [];
    if (price.usdMicroPerUnit !== null) return [good(`price of ${asset.symbol} is fresh`)];
    const fix = "set VEND402_PRICE_FEEDS or VEND402_PRICE_CONTRACT; until then it is not offered";
    const what = `no price for ${asset.symbol}: ${price.reason ?? ""}`;
    return [{ isFatal: false, what, fix }];
  });
  await prices.stop();
  return findings;
}

async function examineData({ dataFolder }: Config): Promise<readonly Finding[]> {
  const file = databaseFile(dataFolder);
  return existsSync(file)
    ? [good(`database ${file}`)]
    : [{ isFatal: false, what: `no database at ${file} yet; the first start makes it`, fix: null }];
}
