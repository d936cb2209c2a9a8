import { type Hex, hexToNumber, type RpcTransactionReceipt } from "viem";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { Endpoint } from "./client.ts";
import { type Header, readHeader, readTip, type Tip } from "./finality.ts";
import { isPruned, learnSpan, readRange } from "./log-ranges.ts";
import { type PayoutTransaction, type Purse, readBody, type StoredTransfer } from "./payout.ts";

/** What has become of a payout: `PayoutFate` of the rail port. */
export type TransferFate =
  | {
      readonly kind: "final";
      readonly height: number;
      readonly chainTimeMs: number;
      /** Absent: the payout's own; else that of an outbid one. */
      readonly txId?: string;
    }
  | { readonly kind: "pending" }
  | { readonly kind: "dead"; readonly reason: string }
  | { readonly kind: "unprovable"; readonly reason: string };

/** One server's word; `isOnChain`: it has the transaction, so that no other one can contradict. */
type Word =
  | { readonly kind: "word"; readonly fate: TransferFate; readonly isOnChain: boolean }
  | { readonly kind: "failed"; readonly reason: string };

const said = (fate: TransferFate, isOnChain = false): Word => ({ kind: "word", fate, isOnChain });

/**
 * What has become of a signed payout and those it outbid. "Dead" is said on proof only: at a final block its
 * nonce is used, no server has a receipt of any of them, and the token's transfers out of the treasury since it
 * was signed are none of theirs.
 */
export async function readFate(
  purse: Purse,
  payout: StoredTransfer,
): Promise<Outcome<TransferFate>> {
  const transaction = readBody(payout.body);
  if (transaction === null) return failed("not a payout of this rail", "final");
  const asked: Asked = {
    purse,
    payout,
    transaction,
    ids: [payout.txId as Hex, ...transaction.earlier],
  };
  let best: TransferFate | null = null;
  let problem = "no RPC server is configured";
  for (const endpoint of purse.client.endpoints()) {
    const word = await fateAt(endpoint, asked);
    if (word.kind === "failed") problem = word.reason;
    else if (word.isOnChain) return done(word.fate);
    else if (best === null || weight(word.fate) > weight(best)) best = word.fate;
  }
  return best === null ? failed(problem, "retry") : done(best);
}

/** A proof outweighs waiting, waiting outweighs an alarm. */
function weight({ kind }: TransferFate): number {
  return kind === "dead" ? 3 : kind === "pending" ? 2 : 1;
}

interface Asked {
  readonly purse: Purse;
  readonly payout: StoredTransfer;
  readonly transaction: PayoutTransaction;
  readonly ids: readonly Hex[];
}

async function fateAt(endpoint: Endpoint, asked: Asked): Promise<Word> {
  const { config } = asked.purse;
  const look = await endpoint.ask(async (server) => {
    const [tip, ...receipts] = await Promise.all([
      readTip(server, config.finality),
      ...asked.ids.map((hash) =>
        server.request({ method: "eth_getTransactionReceipt", params: [hash] }),
      ),
    ]);
    const receipt = receipts.find((one) => one !== null) ?? null;
    const header =
      receipt === null ? null : await readHeader(server, hexToNumber(receipt.blockNumber));
    return { tip, receipt, header };
  });
  if (look.kind !== "result") return { kind: "failed", reason: look.reason };
  const { tip, receipt, header } = look.value;
  if (receipt === null) return absentAt(endpoint, asked, tip);
  const isSettled =
    header !== null && header.number <= tip.final.number && header.hash === receipt.blockHash;
  return said(isSettled ? settled(asked, receipt, header) : { kind: "pending" }, true);
}

function settled(
  { purse, payout, transaction }: Asked,
  receipt: RpcTransactionReceipt,
  header: Header,
): TransferFate {
  if (receipt.status !== "0x1") return { kind: "dead", reason: "it failed on chain: reverted" };
  const treasury = purse.config.treasury.slice(2).toLowerCase();
  const hasPaid = receipt.logs.some(
    ({ address, topics }) =>
      address.toLowerCase() === transaction.token.toLowerCase() &&
      topics.length === 3 &&
      topics[1]?.endsWith(treasury) === true,
  );
  if (!hasPaid) return { kind: "dead", reason: "it failed on chain: the token moved nothing" };
  const { transactionHash: txId } = receipt;
  return {
    kind: "final",
    height: header.number,
    chainTimeMs: header.timeMs,
    ...(txId !== payout.txId && { txId }),
  };
}

/** A reorg may have put it below the block that was newest when it was signed. */
const REORG_MARGIN_BLOCKS = 1_000;

/** No receipt: it waits, or it can never land. */
async function absentAt(endpoint: Endpoint, asked: Asked, tip: Tip): Promise<Word> {
  const { config } = asked.purse;
  const { number: final } = tip.final;
  const used = await endpoint.ask((server) =>
    server.getTransactionCount({ address: config.treasury, blockNumber: BigInt(final) }),
  );
  if (used.kind === "error" && isPruned(used))
    return said({ kind: "unprovable", reason: used.reason });
  if (used.kind !== "result") return { kind: "failed", reason: used.reason };
  if (used.value <= asked.transaction.nonce) return said({ kind: "pending" });

  const from = Math.max(asked.payout.signedAtHeight - REORG_MARGIN_BLOCKS, 0);
  const start = await endpoint.ask((server) => readHeader(server, from));
  if (start.kind !== "result") return { kind: "failed", reason: start.reason };
  const token = config.tokens.filter(
    ({ address }) => address.toLowerCase() === asked.transaction.token.toLowerCase(),
  );
  const filters = [{ tokens: token, side: "from", addresses: [config.treasury] }] as const;
  const span = learnSpan(config.tuning.logBlocks);
  const range = { from, to: final };
  const read = await readRange(endpoint, { filters, range, span });
  if (read.kind === "failed") return read;
  if (start.value === null || read.kind === "pruned") {
    const reason = `${endpoint.name} keeps no blocks as old as ${from}, where it was signed`;
    return said({ kind: "unprovable", reason });
  }
  const hasLanded = read.read.transfers.some(({ txId }) => asked.ids.includes(txId));
  if (hasLanded) return said({ kind: "pending" }, true);
  return said({ kind: "dead", reason: "another transaction of the treasury has used its nonce" });
}
