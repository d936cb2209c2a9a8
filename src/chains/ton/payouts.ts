import { createHash } from "node:crypto";
import { type Address, beginCell, internal, type MessageRelaxed } from "@ton/core";
import { assert } from "../../errors.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { PayoutRequest, Payouts, SignedPayout } from "../../rails/rail.ts";
import { parseAddress, rawAddress } from "./addresses.ts";
import type { AccountState, TonChain } from "./chain.ts";
import { payoutFate } from "./fate.ts";
import {
  HIGHLOAD_NUMBERS,
  HIGHLOAD_TIMEOUT_S,
  type HighloadWallet,
  signHighload,
  usedNumbers,
} from "./highload.ts";
import { type JettonBook, type JettonWalletState, readJettonWallet } from "./jettons.ts";
import type { TonConfig } from "./settings.ts";
import { readSignedBody, writeSignedBody } from "./signed-body.ts";
import { OP } from "./transfers.ts";

export interface PayoutDeps {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly treasury: HighloadWallet;
  readonly jettons: JettonBook;
}

/** Goes along with a transfer to a payee without a jetton wallet; what is left comes back. */
const GAS_NANO = 50_000_000n;
/** What the treasury must have besides, so that the wallet can pay for itself. */
const RESERVE_NANO = 30_000_000n;
/** Tells the payee's own wallet of the transfer. */
const FORWARD_NANO = 1n;
/** The newest state may be a little older than the wallet's clock when the message comes. */
const CREATED_BEFORE_S = 5;
/**
 * A block may hold a message that is accepted before the bound, and join the masterchain after it. Blocks of
 * workchains are older than a masterchain block by seconds at most.
 */
const LATE_BLOCK_S = 60;

/** Refunds out of the treasury's highload wallet: each on a number of its own, accepted once at most. */
export function openPayouts(deps: PayoutDeps): Payouts {
  const { chain, config, treasury } = deps;
  const prefix = `${config.network.caip2}/${rawAddress(treasury.address)}/`;
  return {
    async freeLane(taken) {
      const state = await chain.state(treasury.address);
      if (state.kind !== "done") return state;
      return done(lowestFree(prefix, state.value, taken));
    },
    async balance(asset) {
      assert(asset.id === config.asset.id, "a balance of an asset of another rail");
      const own = await ownWallet(deps);
      if (own.kind !== "done") return own;
      return done(own.value.canSend ? own.value.atomic : 0n);
    },
    async sign(payout) {
      assert(payout.amount.asset.id === config.asset.id, "a payout in an asset of another rail");
      assert(payout.lane.startsWith(prefix), "a payout on a lane of another wallet");
      return sign(deps, payout, Number(payout.lane.slice(prefix.length)));
    },
    submit: ({ body }) => submit(chain, body),
    fate: (payout) => payoutFate(deps, payout),
  };
}

function lowestFree(
  prefix: string,
  { data, chainTimeMs }: AccountState,
  taken: ReadonlySet<string>,
): string | null {
  const isUsed = data === null ? () => false : usedNumbers(data, chainTimeMs / 1_000);
  for (let number = 0; number < HIGHLOAD_NUMBERS; number++) {
    const lane = `${prefix}${number}`;
    if (!taken.has(lane) && !isUsed(number)) return lane;
  }
  return null;
}

async function ownWallet(
  deps: PayoutDeps,
): Promise<Outcome<JettonWalletState & { readonly address: Address }>> {
  return jettonWalletOf(deps, deps.treasury.address);
}

async function jettonWalletOf(
  { chain, config, jettons }: PayoutDeps,
  owner: Address,
): Promise<Outcome<JettonWalletState & { readonly address: Address }>> {
  const address = await jettons.walletOf(config.jetton.master, owner);
  if (address.kind !== "done") return address;
  const state = await readJettonWallet(chain, address.value);
  return state.kind === "done" ? done({ ...state.value, address: address.value }) : state;
}

async function sign(
  deps: PayoutDeps,
  payout: PayoutRequest,
  number: number,
): Promise<Outcome<SignedPayout>> {
  const { chain, treasury } = deps;
  const payee = parseAddress(payout.to);
  if (payee === null) return failed("the payee is not a TON address", "final");
  const [own, theirs] = await Promise.all([ownWallet(deps), jettonWalletOf(deps, payee)]);
  if (own.kind !== "done") return own;
  if (theirs.kind !== "done") return theirs;
  if (!own.value.canSend) return failed("the treasury's jetton wallet is locked", "final");
  if (!theirs.value.canReceive) return failed("the payee's jetton wallet is locked", "final");
  if (own.value.atomic < payout.amount.atomic) return failed("the treasury is short", "retry");
  // Last, so that nothing which it does not know of can have happened before.
  const state = await chain.state(treasury.address);
  if (state.kind !== "done") return state;
  const { balanceNano, kind } = state.value;
  if (kind === "frozen") return failed("the treasury is frozen", "retry");
  if (balanceNano < GAS_NANO + RESERVE_NANO)
    return failed("the treasury has too little TON for gas", "retry");
  const message = transferMessage(own.value.address, { payout, payee, rest: treasury.address });
  return done(signMessage(treasury, { payout, number, message, state: state.value }));
}

function transferMessage(
  from: Address,
  transfer: { readonly payout: PayoutRequest; readonly payee: Address; readonly rest: Address },
): MessageRelaxed {
  const { payout, payee, rest } = transfer;
  const body = beginCell()
    .storeUint(OP.transfer, 32)
    .storeUint(queryIdOf(payout.id), 64)
    .storeCoins(payout.amount.atomic)
    .storeAddress(payee)
    .storeAddress(rest)
    .storeBit(0)
    .storeCoins(FORWARD_NANO)
    .storeBit(0)
    .endCell();
  return internal({ to: from, value: GAS_NANO, bounce: true, body });
}

/** The same for the life of a refund, and no name of ours. */
function queryIdOf(payoutId: string): bigint {
  return createHash("sha256").update(payoutId).digest().readBigUInt64BE();
}

interface ToSign {
  readonly payout: PayoutRequest;
  readonly number: number;
  readonly message: MessageRelaxed;
  readonly state: AccountState;
}

function signMessage(
  treasury: HighloadWallet,
  { payout, number, message, state }: ToSign,
): SignedPayout {
  const createdAtS = Math.floor(state.chainTimeMs / 1_000) - CREATED_BEFORE_S;
  const isFirst = state.kind !== "active";
  const signed = signHighload(treasury, { messages: [message], number, createdAtS, isFirst });
  return {
    txId: signed.messageHash.toString("hex"),
    body: writeSignedBody({
      boc: signed.boc.toString("base64"),
      bodyHash: signed.bodyHash.toString("hex"),
      head: state.head,
    }),
    lane: payout.lane,
    validUntilMs: (createdAtS + HIGHLOAD_TIMEOUT_S + LATE_BLOCK_S) * 1_000,
    signedAtHeight: Number(state.head.lt),
  };
}

/** The wallet's word for "this number was used": by this very message, as a lane has one payout at a time. */
const ALREADY_EXECUTED = /exit ?code\s*[=:]\s*36\b/i;

async function submit(chain: TonChain, body: string): Promise<Outcome<null>> {
  const sent = await chain.send(Buffer.from(readSignedBody(body).boc, "base64"));
  if (sent.kind === "failed" && ALREADY_EXECUTED.test(sent.reason)) return done(null);
  return sent;
}
