import { hexToNumber, keccak256 } from "viem";
import { done, failed, type Outcome } from "../../outcome.ts";
import { type Bid, bidFor, higherOf, type Market, raised, readMarket } from "./fees.ts";
import { readHeader } from "./finality.ts";
import {
  type PayoutTransaction,
  type Purse,
  readBody,
  type SignedTransfer,
  type StoredTransfer,
  writeBody,
} from "./payout.ts";
import { sealed } from "./sign.ts";
import { submitRaw } from "./submit.ts";

/** A payout that fees do not explain is bid for anew after so many times the usual wait. */
const PATIENCE = 6;
/** Before it is helped, a nonce that nobody uses is given so many times the usual wait. */
const GAP_PATIENCE = 4;
const COIN_TRANSFER_GAS = 21_000n;

/**
 * The same payout with a higher bid, or null: it has landed, has not waited long, the market is not above its bid,
 * or MAX_FEE_GWEI does not allow more. When it waits for a nonce before its own that nobody has used, that one is
 * used up.
 */
export async function outbidTransfer(
  purse: Purse,
  payout: StoredTransfer,
): Promise<Outcome<SignedTransfer | null>> {
  const { client, config } = purse;
  const old = readBody(payout.body);
  if (old === null) return failed("not a payout of this rail", "final");
  const read = await client.read((server) => readQueue(purse, server, old));
  if (read.kind !== "done") return read;
  const queue = read.value;
  if (queue.used > old.nonce) return done(null);
  const { outbidAfterMs } = config.tuning;
  if (queue.used < old.nonce) {
    const isStuck = queue.known < old.nonce && queue.waitedMs >= GAP_PATIENCE * outbidAfterMs;
    return isStuck ? fillGap(purse, queue) : done(null);
  }
  const isLate = queue.waitedMs >= outbidAfterMs;
  const isPriced = isBelow(old, queue.market);
  if (!isLate || (!isPriced && queue.waitedMs < PATIENCE * outbidAfterMs)) return done(null);
  const bid = higherBid(purse, old, queue.market);
  return bid === null ? done(null) : done(await signedAgain(purse, { payout, old, queue }, bid));
}

interface Queue {
  readonly market: Market;
  /** The treasury's next nonce by the newest block, and with what the server knows to be waiting. */
  readonly used: number;
  readonly known: number;
  /** Since the last bid, by the chain's clock. */
  readonly waitedMs: number;
}

async function readQueue(
  { config }: Purse,
  server: Parameters<typeof readMarket>[0],
  { bidAtHeight }: PayoutTransaction,
): Promise<Queue> {
  const count = async (tag: "latest" | "pending"): Promise<number> =>
    hexToNumber(
      await server.request({ method: "eth_getTransactionCount", params: [config.treasury, tag] }),
    );
  const [market, used, known, bidBlock] = await Promise.all([
    readMarket(server, config.network),
    count("latest"),
    count("pending"),
    readHeader(server, bidAtHeight),
  ]);
  // A block that the server no longer has is long ago.
  return { market, used, known, waitedMs: market.head.timeMs - (bidBlock?.timeMs ?? 0) };
}

function isBelow({ maxFeeWei, tipWei }: Bid, { head, tipWei: askedWei }: Market): boolean {
  return maxFeeWei < head.baseFeeWei + askedWei || tipWei < askedWei;
}

/** Null when it would be above what may be bid. */
function higherBid({ config }: Purse, old: Bid, market: Market): Bid | null {
  const fair = bidFor(market, config.maxFeeWei);
  const least = raised(old);
  const bid = fair === null ? least : higherOf(least, fair);
  return bid.maxFeeWei > config.maxFeeWei ? null : bid;
}

async function signedAgain(
  purse: Purse,
  {
    payout,
    old,
    queue,
  }: { readonly payout: StoredTransfer; readonly old: PayoutTransaction; readonly queue: Queue },
  bid: Bid,
): Promise<SignedTransfer> {
  const raw = await sealed(purse, {
    ...bid,
    to: old.token,
    data: old.data,
    nonce: old.nonce,
    gas: old.gas,
  });
  const earlier = [keccak256(old.raw), ...old.earlier];
  return {
    txId: keccak256(raw),
    body: writeBody({ raw, earlier, bidAtHeight: queue.market.head.number }),
    lane: payout.lane,
    validUntilMs: null,
    signedAtHeight: payout.signedAtHeight,
  };
}

/**
 * Nothing of the treasury lands behind a nonce that is not used: a payout that was not signed after all leaves one.
 * Should a payout be signed on it at this very moment, one of the two lands, and that payout is signed anew.
 */
async function fillGap(purse: Purse, { market, known }: Queue): Promise<Outcome<null>> {
  const { config, client } = purse;
  const bid = bidFor(market, config.maxFeeWei);
  if (bid === null) return done(null);
  const to = config.treasury;
  const raw = await sealed(purse, { ...bid, to, data: "0x", nonce: known, gas: COIN_TRANSFER_GAS });
  const sent = await submitRaw(client, raw);
  return sent.kind === "done" ? done(null) : sent;
}
