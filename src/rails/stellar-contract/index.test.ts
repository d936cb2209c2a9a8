import { Asset as StellarAsset, Operation, type Keypair } from "@stellar/stellar-sdk/base";
import { railContract, type RailBench, type RailFault } from "../../../tests/contracts/rail.ts";
import { openStellarStage, type StellarStage } from "../../../tests/fixtures/stellar-stage.ts";
import type { Fault } from "../../../devnet/stellar/index.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import { formatDecimal, type Asset } from "../../money.ts";
import { accountOf } from "./accounts.ts";
import { accountKey, readEntries, trustlineKey } from "./entries.ts";
import { stellarContract } from "./index.ts";
import { createRpc } from "./rpc.ts";

const FAULTS: Readonly<Record<RailFault, { readonly fault: Fault; readonly method: string }>> = {
  payout_answer_lost: { fault: { kind: "drop_answer" }, method: "sendTransaction" },
  payout_forgotten: { fault: { kind: "lose_transaction" }, method: "sendTransaction" },
  payout_put_off: { fault: { kind: "try_again_later" }, method: "sendTransaction" },
  read_refused: { fault: { kind: "http_status", status: 503 }, method: "" },
  read_answer_lost: { fault: { kind: "drop_answer" }, method: "" },
  page_repeated: { fault: { kind: "repeat_page" }, method: "getEvents" },
};

railContract("stellar-contract with channel accounts", () => openBench(2));
railContract("stellar-contract with the treasury's own sequence", () => openBench(0));

async function openBench(channels: number): Promise<RailBench> {
  const stage = await openStellarStage({ channels });
  const { chain, faults } = stage.devnet;
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  const stellarOf = (asset: Asset): StellarAsset =>
    asset.symbol === "XLM" ? StellarAsset.native() : stage.usdc.asset;
  const payer = stage.newAccount("10000");
  const payees = new Map<string, Keypair>();
  return {
    open: ({ pageLimit } = {}) =>
      stellarContract.open(stage.config(pageLimit === undefined ? {} : { tuning: { pageLimit } }), {
        clock: systemClock,
        log,
      }),
    async pay({ symbol, atomic, orderRef }) {
      const asset = symbol === "XLM" ? "XLM" : "USDC";
      const { hash } = stage.pay({ payer, symbol: asset, atomic, orderRef });
      return { txId: hash, from: payer.publicKey() };
    },
    async payUnreadably() {
      const orderRef = new Uint8Array([0xc3, 0x28, 0x0a]);
      const { hash } = stage.pay({ payer, symbol: "USDC", atomic: 1n, orderRef });
      return { txId: hash };
    },
    async newPayee() {
      const payee = stage.newAccount("1");
      payees.set(payee.publicKey(), payee);
      return payee.publicKey();
    },
    newClosedPayee: async () => stage.newAccount().publicKey(),
    async closePayee(address, asset) {
      const payee = payees.get(address) ?? payer;
      const back = { destination: stage.usdc.issuer.publicKey(), amount: "1" };
      stage.run(payee, Operation.payment({ ...back, asset: stellarOf(asset) }));
      stage.run(payee, Operation.changeTrust({ asset: stellarOf(asset), limit: "0" }));
    },
    held: (address, asset) => held(stage, address, stellarOf(asset)),
    async advance() {
      chain.closeLedger();
    },
    async passTime(ms) {
      chain.advanceTime(Math.ceil(ms / 1000));
      chain.advanceLedgers(3);
    },
    async exclude({ validUntilMs }) {
      const leftMs = (validUntilMs ?? 0) - chain.history.latest.closeTimeS * 1000;
      chain.advanceTime(Math.ceil(leftMs / 1000) + 1);
      chain.advanceLedgers(3);
    },
    async forgetHistory() {
      chain.history.cutBefore(chain.history.latest.sequence);
    },
    emptyTreasury: (asset) => emptyTreasury(stage, stellarOf(asset)),
    whileBlocksCome: (waiting) => stage.closingWhile(waiting),
    strike(fault) {
      const { fault: planned, method } = FAULTS[fault];
      // A new rail asks for the network first; the fault is for what comes then.
      faults.plan(planned, method === "" ? {} : { method });
    },
    close: () => stage.close(),
  };
}

async function held(stage: StellarStage, address: string, asset: StellarAsset): Promise<bigint> {
  const rpc = rpcOf(stage);
  const key = asset.isNative() ? accountKey(address) : trustlineKey(address, asset);
  const entries = await readEntries(rpc, [key]);
  if (entries.kind !== "done") throw new Error(entries.reason);
  const data = entries.value.get(key)?.data;
  if (data?.type === "account" || data?.type === "trustline") return data.value.balance;
  return 0n;
}

/** Native: all but what the reserve and a payout's highest fee need. */
async function emptyTreasury(stage: StellarStage, asset: StellarAsset): Promise<void> {
  const address = stage.treasury.publicKey();
  const destination = stage.usdc.issuer.publicKey();
  let atomic = await held(stage, address, asset);
  if (asset.isNative()) {
    const entries = await readEntries(rpcOf(stage), [accountKey(address)]);
    const entry = entries.kind === "done" ? entries.value.get(accountKey(address)) : null;
    const fee = BigInt(stage.devnet.chain.settings.baseFeeStroops);
    atomic = (accountOf(entry)?.spendable ?? 0n) - fee;
  }
  const amount = formatDecimal(atomic, 7);
  stage.run(stage.treasury, Operation.payment({ destination, asset, amount }));
}

function rpcOf(stage: StellarStage): ReturnType<typeof createRpc> {
  const { url, passphrase } = stage.devnet;
  return createRpc({ urls: [url], passphrase, timeoutMs: 5_000, clock: systemClock });
}
