import {
  Account,
  Keypair,
  TransactionBuilder,
  type Transaction,
  type xdr,
} from "@stellar/stellar-sdk/base";
import { formatDecimal, type Asset } from "../../money.ts";
import { done, failed, type Failed, type Outcome } from "../../outcome.ts";
import type { PayoutRequest, Payouts, SignedPayout } from "../rail.ts";
import { accountOf, trustlineOf, type AccountState } from "./accounts.ts";
import {
  accountKey,
  readEntries,
  readTip,
  trustlineKey,
  type ChainTip,
  type Entries,
} from "./entries.ts";
import { readFate } from "./fate.ts";
import type { RailAsset, RailAssets, StellarContractConfig } from "./network.ts";
import { payeeKeys, payeeOf, transferOperation, type Payee } from "./payee.ts";
import type { Rpc } from "./rpc.ts";
import { withResources } from "./soroban.ts";
import { submitEnvelope } from "./submit.ts";

/** What signing needs besides the request. */
interface Purse {
  readonly rpc: Rpc;
  readonly config: StellarContractConfig;
  readonly assets: RailAssets;
  readonly treasuryKey: Keypair;
  /** Key of each lane's account, by its address. */
  readonly laneKeys: ReadonlyMap<string, Keypair>;
}

/** Transfers from the treasury; the lane's account lends the sequence number and pays the fee. */
export function openPayouts(rpc: Rpc, config: StellarContractConfig, assets: RailAssets): Payouts {
  const treasuryKey = Keypair.fromSecret(config.treasury.secret);
  const channels = config.channelSecrets.map((secret) => Keypair.fromSecret(secret));
  const laneKeys = new Map(
    channels.length === 0
      ? [[config.treasury.address, treasuryKey]]
      : channels.map((key) => [key.publicKey(), key]),
  );
  const purse: Purse = { rpc, config, assets, treasuryKey, laneKeys };
  return {
    freeLane: async (taken) => done([...laneKeys.keys()].find((lane) => !taken.has(lane)) ?? null),
    balance: (asset) => readBalance(purse, asset),
    sign: (payout) => signPayout(purse, payout),
    submit: (payout) => submitEnvelope(rpc, payout),
    fate: (payout) => readFate(rpc, payout),
  };
}

function formOf(assets: RailAssets, asset: Asset): RailAsset | null {
  return [assets.usdc, assets.xlm].find((form) => form.asset.id === asset.id) ?? null;
}

async function readBalance(purse: Purse, asset: Asset): Promise<Outcome<bigint>> {
  const form = formOf(purse.assets, asset);
  if (form === null) return failed(`${asset.id} is not an asset of this rail`, "final");
  const { address } = purse.config.treasury;
  const keys = [accountKey(address)];
  if (!form.stellar.isNative()) keys.push(trustlineKey(address, form.stellar));
  const entries = await readEntries(purse.rpc, keys);
  return entries.kind === "done" ? done(balanceIn(purse, entries.value, form)) : entries;
}

/** The treasury keeps the fees of so many payouts, or refunding the last XLM would end all refunds in USDC. */
const KEPT_FEES = 100n;

/** What the treasury can send right now; 0 when it cannot hold the asset. */
function balanceIn({ config, laneKeys }: Purse, entries: Entries, form: RailAsset): bigint {
  const { address } = config.treasury;
  if (!form.stellar.isNative()) {
    const line = trustlineOf(entries.get(trustlineKey(address, form.stellar)));
    return line?.isAuthorized === true && line.spendable > 0n ? line.spendable : 0n;
  }
  const feeStroops = laneKeys.has(address) ? KEPT_FEES * BigInt(config.tuning.maxFeeStroops) : 0n;
  const free = (accountOf(entries.get(accountKey(address)))?.spendable ?? 0n) - feeStroops;
  return free > 0n ? free : 0n;
}

async function signPayout(purse: Purse, payout: PayoutRequest): Promise<Outcome<SignedPayout>> {
  const form = formOf(purse.assets, payout.amount.asset);
  if (form === null) {
    return failed(`${payout.amount.asset.id} is not an asset of this rail`, "final");
  }
  if (payout.amount.atomic <= 0n) return failed("the amount is not positive", "final");
  const laneKey = purse.laneKeys.get(payout.lane);
  if (laneKey === undefined) return failed(`${payout.lane} is not a lane of this rail`, "final");
  const payee = payeeOf(payout.to);
  if (payee === null) return failed("the payee is not a Stellar address", "final");

  // The tip first: the entries are then at least as new as the height that is written down.
  const tip = await readTip(purse.rpc);
  if (tip.kind !== "done") return tip;
  const entries = await readEntries(purse.rpc, keysOf(purse, { form, payee, lane: payout.lane }));
  if (entries.kind !== "done") return entries;

  const short = shortfall(purse, entries.value, form, payout);
  if (short !== null) return short;
  const treasury = purse.config.treasury.address;
  const transfer = { form, payee, atomic: payout.amount.atomic, treasury };
  const operation = transferOperation(entries.value, transfer);
  if ("kind" in operation) return operation;
  const lane = accountOf(entries.value.get(accountKey(payout.lane)));
  if (lane === null) return failed(`the lane account ${payout.lane} does not exist`, "retry");
  return sealed(purse, { payout, payee, laneKey, lane, tip: tip.value, operation });
}

interface Reach {
  readonly form: RailAsset;
  readonly payee: Payee;
  readonly lane: string;
}

/** Everything that decides whether this payout can be made, to be read at once. */
function keysOf({ config }: Purse, { form, payee, lane }: Reach): xdr.LedgerKey[] {
  const { address } = config.treasury;
  const keys = [...new Set([address, lane])].map(accountKey);
  if (!form.stellar.isNative()) keys.push(trustlineKey(address, form.stellar));
  const names = new Set(keys.map((key) => key.toXdr("base64")));
  return [...keys, ...payeeKeys(payee, form).filter((key) => !names.has(key.toXdr("base64")))];
}

/** Why the treasury cannot pay now; topping it up mends it. */
function shortfall(
  purse: Purse,
  entries: Entries,
  form: RailAsset,
  payout: PayoutRequest,
): Failed | null {
  const has = balanceIn(purse, entries, form);
  if (has >= payout.amount.atomic) return null;
  const text = (atomic: bigint): string => `${formatDecimal(atomic, 7, 2)} ${form.asset.symbol}`;
  return failed(`the treasury can send ${text(has)} of ${text(payout.amount.atomic)}`, "retry");
}

interface Draft {
  readonly payout: PayoutRequest;
  readonly payee: Payee;
  readonly laneKey: Keypair;
  readonly lane: AccountState;
  readonly tip: ChainTip;
  readonly operation: xdr.Operation;
}

async function sealed(purse: Purse, draft: Draft): Promise<Outcome<SignedPayout>> {
  const { config, treasuryKey } = purse;
  const { payout, laneKey, lane, tip } = draft;
  const validUntilS = tip.closedAtS + config.tuning.payoutValidityS;
  const account = new Account(payout.lane, lane.sequence.toString());
  const built: Transaction = new TransactionBuilder(account, {
    fee: config.tuning.maxFeeStroops.toString(),
    networkPassphrase: config.passphrase,
    timebounds: { minTime: 0, maxTime: validUntilS },
  })
    .addOperation(draft.operation)
    .build();
  const isCall = draft.payee.kind === "contract";
  const complete = isCall ? await withResources(purse.rpc, built) : done(built);
  if (complete.kind !== "done") return complete;
  const transaction = complete.value;
  if (lane.spendable < BigInt(transaction.fee)) {
    return failed(`the lane account ${payout.lane} has no XLM left for fees`, "retry");
  }
  transaction.sign(laneKey);
  if (laneKey.publicKey() !== treasuryKey.publicKey()) transaction.sign(treasuryKey);
  return done({
    txId: Buffer.from(transaction.hash()).toString("hex"),
    body: transaction.toXdr(),
    lane: payout.lane,
    validUntilMs: validUntilS * 1000,
    signedAtHeight: tip.ledger,
  });
}
