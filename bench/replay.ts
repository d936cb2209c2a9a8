import { readFileSync } from "node:fs";
import { systemClock } from "../src/clock.ts";
import { createLog } from "../src/log.ts";
import type { DepositPage, Rail } from "../src/rails/rail.ts";
import { rails } from "../src/rails/index.ts";
import { startNetwork, type Network } from "../tests/world/network.ts";
import { sendPayment } from "../tests/world/pay.ts";
import { book, catchUp, seconds, withStore } from "./catch-up.ts";
import type { Size } from "./main.ts";
import { openOrder } from "./orders.ts";
import type { Row } from "./report.ts";

const PAYMENTS = 2_000;
const PAYERS = 100;
const AMOUNT = "10.00";
const SETUP_LEDGER_MS = 15;
const log = createLog({ level: "error", now: Date.now, write: () => {} });

/**
 * How fast a chain's past is caught up: every payment of a local chain is read from the first ledger over
 * JSON-RPC by the real rail and booked by the real actions, once with orders that wait for them and once
 * more when all of it is known. The baseline is the booking alone, of pages that were read before.
 */
export async function* replay(size: Size): AsyncGenerator<Row> {
  const payments = size.isSmall ? 10 : PAYMENTS;
  const network = await startNetwork({ closeEveryMs: "manual" });
  const rail = openRail(network);
  const orderIds = Array.from({ length: payments }, (_, i) => `ord_replay_${i}`);
  try {
    await payAll(network, orderIds, size.isSmall ? 2 : PAYERS);
    const asset = rail.assets.find(({ symbol }) => symbol === "USDC");
    const orders = orderIds.map((id) => openOrder(id, asset));
    const [pages, fresh, known] = await withStore(orders, async (store) => {
      const read: DepositPage[] = [];
      const onPage = (page: DepositPage): void => void read.push(page);
      const freshS = await seconds(async () => {
        const matched = await catchUp(store, rail, { cursor: null, onPage });
        if (matched !== payments) throw new Error(`${matched} of ${payments} orders were paid`);
      });
      const knownS = await seconds(async () => void (await catchUp(store, rail, { cursor: null })));
      return [read, freshS, knownS] as const;
    });
    const alone = await withStore(orders, (store) =>
      seconds(async () => {
        for (const page of pages) await book(store, rail, page);
      }),
    );
    yield rowOf("new_payments_per_s", payments / fresh, payments / alone);
    yield rowOf("known_payments_per_s", payments / known, payments / alone);
  } finally {
    await network.close();
  }
}

function rowOf(metric: string, value: number, baselineValue: number): Row {
  return {
    bench: "replay",
    metric,
    value,
    baseline: "booking alone, without reading",
    baselineValue,
    p50Ms: null,
    p99Ms: null,
    note: "payments read over JSON-RPC from the first ledger and booked with the cursor",
  };
}

function openRail(network: Network): Rail {
  const { cast, devnet, receiverId } = network;
  const manifest = new URL("../contracts/stellar/receiver.manifest.json", import.meta.url);
  const { sha256 } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly sha256: string };
  const module = rails["stellar-contract"];
  const parsed = module.parse({
    network: "local",
    passphrase: devnet.passphrase,
    rpcUrls: [devnet.url],
    receiverContractId: receiverId,
    receiverWasmSha256: sha256,
    usdcIssuer: cast.issuer.publicKey(),
    treasurySecret: cast.treasury.secret(),
    keeperSecret: cast.keeper.secret(),
  });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  return module.open(parsed.config, { clock: systemClock, log });
}

/** Pays every order on the chain, as many in one ledger as there are payers. */
async function payAll(
  network: Network,
  orderIds: readonly string[],
  payerCount: number,
): Promise<void> {
  network.pace(SETUP_LEDGER_MS);
  const payers = [];
  for (let i = 0; i < payerCount; i++) payers.push(await network.newPayer("10000"));
  network.pace("manual");
  for (let i = 0; i < orderIds.length; i += payers.length) {
    const batch = orderIds.slice(i, i + payers.length);
    await Promise.all(
      payers.slice(0, batch.length).map((payer, at) =>
        sendPayment(network, payer, {
          contract_id: network.receiverId,
          order_id: batch[at] ?? "",
          usdc: { amount: AMOUNT },
        }),
      ),
    );
    network.devnet.chain.closeLedger();
  }
}
