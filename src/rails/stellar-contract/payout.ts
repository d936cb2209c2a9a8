import {
  Account,
  Keypair,
  MuxedAccount,
  Operation,
  StrKey,
  TransactionBuilder,
  type Transaction,
  type xdr,
} from "@stellar/stellar-sdk/base";
import { formatDecimal } from "../../money.ts";
import type { Asset } from "../../money.ts";
import { done, failed, type Failed, type Outcome } from "../../outcome.ts";
import type { PayoutRequest, Payouts, SignedPayout } from "../rail.ts";
import { accountOf, BASE_RESERVE_STROOPS, trustlineOf, type AccountState } from "./accounts.ts";
import {
  accountDataKey,
  accountKey,
  readEntries,
  readTip,
  trustlineKey,
  type ChainTip,
  type Entries,
} from "./entries.ts";
import { readFate } from "./fate.ts";
import type { RailAsset, RailAssets, StellarContractConfig } from "./network.ts";
import type { Rpc } from "./rpc.ts";
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

/** Classic payments from the treasury; the lane's account lends the sequence number and pays the fee. */
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
    lanes: [...laneKeys.keys()],
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
  if (form === null)
    return failed(`${payout.amount.asset.id} is not an asset of this rail`, "final");
  if (payout.amount.atomic <= 0n) return failed("the amount is not positive", "final");
  const laneKey = purse.laneKeys.get(payout.lane);
  if (laneKey === undefined) return failed(`${payout.lane} is not a lane of this rail`, "final");
  const payee = payeeOf(payout.to);
  if (typeof payee !== "string") return payee;

  // The tip first: the entries are then at least as new as the height that is written down.
  const tip = await readTip(purse.rpc);
  if (tip.kind !== "done") return tip;
  const entries = await readEntries(purse.rpc, keysOf(purse, form, payee, payout.lane));
  if (entries.kind !== "done") return entries;

  const short = shortfall(purse, entries.value, form, payout);
  if (short !== null) return short;
  const operation = operationFor(purse, entries.value, { form, payee, payout });
  if ("kind" in operation) return operation;
  const lane = accountOf(entries.value.get(accountKey(payout.lane)));
  if (lane === null) return failed(`the lane account ${payout.lane} does not exist`, "retry");
  if (lane.spendable < BigInt(purse.config.tuning.maxFeeStroops)) {
    return failed(`the lane account ${payout.lane} has no XLM left for fees`, "retry");
  }
  return done(sealed(purse, { payout, laneKey, lane, tip: tip.value, operation }));
}

/** The account behind an address, or why the address cannot be paid. */
function payeeOf(address: string): string | Failed {
  if (StrKey.isValidEd25519PublicKey(address)) return address;
  if (StrKey.isValidMed25519PublicKey(address)) {
    return MuxedAccount.fromAddress(address, "0").baseAccount().accountId();
  }
  if (StrKey.isValidContract(address)) {
    return failed("the payee is a contract, which a classic payment cannot reach", "final");
  }
  return failed("the payee is not a Stellar address", "final");
}

/** SEP-29: accounts that several people share say so here, and lose payments without a memo. */
const MEMO_REQUIRED = "config.memo_required";

function keysOf(purse: Purse, form: RailAsset, payee: string, lane: string): xdr.LedgerKey[] {
  const accounts = new Set([purse.config.treasury.address, payee, lane]);
  const keys = [...accounts].map(accountKey);
  keys.push(accountDataKey(payee, MEMO_REQUIRED));
  if (form.stellar.isNative()) return keys;
  const lines = new Set([purse.config.treasury.address, payee]);
  return [...keys, ...[...lines].map((address) => trustlineKey(address, form.stellar))];
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

interface Transfer {
  readonly form: RailAsset;
  /** The plain account; `payout.to` may be one of its muxed addresses. */
  readonly payee: string;
  readonly payout: PayoutRequest;
}

/** The operation that pays, or why the payee cannot receive it. */
function operationFor(purse: Purse, entries: Entries, transfer: Transfer): xdr.Operation | Failed {
  const { form, payee, payout } = transfer;
  const source = purse.config.treasury.address;
  const amount = formatDecimal(payout.amount.atomic, 7);
  if (payout.to === payee && entries.get(accountDataKey(payee, MEMO_REQUIRED)) !== null) {
    return failed("the payee's account takes payments with a memo only (SEP-29)", "final");
  }
  const doesPayeeExist = entries.get(accountKey(payee)) !== null;
  if (form.stellar.isNative() && !doesPayeeExist) {
    // The payer proved its key, so the account is its own again once it is created.
    return payout.amount.atomic >= 2n * BASE_RESERVE_STROOPS
      ? Operation.createAccount({ destination: payee, startingBalance: amount, source })
      : failed("the payee's account does not exist and the amount is below its reserve", "final");
  }
  if (!doesPayeeExist) return failed("the payee's account does not exist", "final");
  const refusal = form.stellar.isNative() ? null : lineRefusal(entries, transfer);
  return (
    refusal ?? Operation.payment({ destination: payout.to, asset: form.stellar, amount, source })
  );
}

function lineRefusal(entries: Entries, { form, payee, payout }: Transfer): Failed | null {
  // The issuer needs no trustline to its own asset.
  if (payee === form.stellar.getIssuer()) return null;
  const line = trustlineOf(entries.get(trustlineKey(payee, form.stellar)));
  const { symbol } = form.asset;
  if (line === null) return failed(`the payee has no trustline for ${symbol}`, "final");
  if (!line.isAuthorized)
    return failed(`the issuer has not authorised the payee's ${symbol}`, "final");
  if (line.room < payout.amount.atomic)
    return failed(`the payee's ${symbol} trustline is full`, "final");
  return null;
}

interface Draft {
  readonly payout: PayoutRequest;
  readonly laneKey: Keypair;
  readonly lane: AccountState;
  readonly tip: ChainTip;
  readonly operation: xdr.Operation;
}

function sealed(purse: Purse, draft: Draft): SignedPayout {
  const { config, treasuryKey } = purse;
  const { payout, laneKey, lane, tip, operation } = draft;
  const validUntilS = tip.closedAtS + config.tuning.payoutValidityS;
  const account = new Account(payout.lane, lane.sequence.toString());
  const transaction: Transaction = new TransactionBuilder(account, {
    fee: config.tuning.maxFeeStroops.toString(),
    networkPassphrase: config.passphrase,
    timebounds: { minTime: 0, maxTime: validUntilS },
  })
    .addOperation(operation)
    .build();
  transaction.sign(laneKey);
  if (laneKey.publicKey() !== treasuryKey.publicKey()) transaction.sign(treasuryKey);
  return {
    txId: Buffer.from(transaction.hash()).toString("hex"),
    body: transaction.toXdr(),
    lane: payout.lane,
    validUntilMs: validUntilS * 1000,
    signedAtHeight: tip.ledger,
  };
}
