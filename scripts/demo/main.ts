/** `npm run demo`: local chains, suppliers, a shop and agents that buy; prints how each order went. */
import { parseArgs } from "node:util";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { openEveryRail, type EveryRail } from "../../tests/world/every-rail.ts";
import { buyAll } from "./purchases.ts";
import { outcomeLine, printTimeline, type OrderStory } from "./timeline.ts";

/** Of every chain. */
const BLOCK_MS = 1_000;
const CHAIN_ID = 137;
const FINAL_AFTER_BLOCKS = 4;
/** How much faster than real suppliers the simulated ones are: 27 s become about 2. */
const SUPPLIER_SPEED = 12;
const PRICE_EVERY_MS = 60_000;
const XLM_PRICE_14 = 10n ** 13n;

const { values } = parseArgs({
  options: { keep: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" } },
});

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const print = (text: string): void => void process.stdout.write(`${text}\n`);

if (values.help === true) {
  print("npm run demo [-- --json] [-- --keep]");
  print("  --json  one JSON object per line instead of tables");
  print("  --keep  leave everything running and print the addresses and an API key");
} else process.exitCode = await demo();

async function demo(): Promise<number> {
  const startedMs = performance.now();
  const step = (text: string): void =>
    say(`[${((performance.now() - startedMs) / 1000).toFixed(1).padStart(5)} s] ${text}`);
  step("starting local Stellar, EVM and TON chains and two suppliers, deploying the contracts");
  const everything = await openEveryRail({
    blockTimeMs: BLOCK_MS,
    supplierSpeed: SUPPLIER_SPEED,
    env: {
      [`VEND402_EVM_${CHAIN_ID}_FINALITY`]: String(FINAL_AFTER_BLOCKS),
      VEND402_SUPPLIER_REFRESH: "5s",
      VEND402_LOG_LEVEL: "warn",
    },
  });
  const { world } = everything;
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-agent-"));
  try {
    step("starting the shop");
    const apiKey = await world.newApiKey("--label", "demo agent");
    const shop = await world.startShop();
    step("agents buy cards on Stellar, eSIMs over x402 on EVM and TON; three will be refused");
    const stories = await buyAll({ ...everything, url: shop.url, apiKey, folder, step });
    step("done");
    const isRight = show(stories);
    if (values.keep === true) await keep(everything, { url: shop.url, apiKey, ended: shop.ended });
    await shop.stop();
    return isRight ? 0 : 1;
  } finally {
    await everything.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** True when every order ended as it must. */
function show(stories: readonly OrderStory[]): boolean {
  const isRight = stories.every(({ outcome, wanted }) => outcome === wanted);
  if (values.json === true) {
    for (const story of stories) print(outcomeLine(story));
    print(JSON.stringify({ ok: isRight, orders: stories.length }));
    return isRight;
  }
  for (const story of stories) printTimeline(story, print);
  print(
    isRight
      ? "Every paid order ended delivered or refunded, exactly once."
      : "An order did not end as it must.",
  );
  return isRight;
}

/** Leaves everything running until the user stops it. */
async function keep(
  { world, evm, ton }: EveryRail,
  shop: { readonly url: string; readonly apiKey: string; readonly ended: Promise<unknown> },
): Promise<void> {
  const { devnet, receiverId, cast } = world.network;
  say("");
  say("Everything keeps running; Ctrl-C ends it.");
  say(`  shop        ${shop.url}/v1      API key ${shop.apiKey}`);
  say(`  status      ${shop.url}/status  OpenAPI ${shop.url}/openapi.json`);
  say(`  Stellar RPC ${devnet.url}       friendbot ${devnet.friendbotUrl}?addr=G…`);
  say(`  passphrase  ${devnet.passphrase}`);
  say(`  receiver    ${receiverId}       USDC issuer ${cast.issuer.publicKey()}`);
  say(`  EVM RPC     ${evm.chain.url}       USDC ${evm.chain.usdc}`);
  say(`  TON API     ${ton.devnet.url}  USDT ${ton.devnet.minter.toRawString()}`);
  say(`  plans       ${shop.url}/api/v1/x402/plans`);
  say(`  supplier    ${world.supplier.url}  sold cards ${world.supplier.url}/__sim/ledger`);
  const repricing = setInterval(
    () => void world.network.setXlmPrice(XLM_PRICE_14).catch(() => say("the price was not set")),
    PRICE_EVERY_MS,
  );
  await Promise.race([shop.ended, new Promise((resolve) => process.once("SIGINT", resolve))]);
  clearInterval(repricing);
}
