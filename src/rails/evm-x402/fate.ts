import { type Hex, numberToHex, pad, type RpcLog } from "viem";
import type { EvmClient, ServerClient } from "../../chains/evm/client.ts";
import { readHeader, readTip, type Tip } from "../../chains/evm/finality.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import { done, unknown, type Outcome } from "../../outcome.ts";
import type { AuthorizationFate } from "../rail.ts";
import { carriesOut } from "./attribution.ts";
import { LONGEST_WINDOW_S, type SignedPromise } from "./promise.ts";
import { isNonceUsed } from "./state.ts";
import { readTransaction } from "./transaction.ts";

/** keccak256("Transfer(address,address,uint256)") of ERC-20. */
const TRANSFER: Hex = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
/** No search goes back farther than so many calls; what lies beyond was read by the watcher long ago. */
const MAX_CALLS = 200;

/**
 * What became of a promise, by the chain alone. A nonce that is used up does not mean that it was carried out: its
 * payer may have revoked it, or spent the nonce on another promise. So the transfer itself is looked for; without
 * one, final blocks decide. And a nonce that is unused once final blocks are past its end can never be used.
 */
export async function readFate(
  client: EvmClient,
  config: EvmConfig,
  promise: SignedPromise,
): Promise<Outcome<AuthorizationFate>> {
  const read = await client.read(async (server): Promise<AuthorizationFate | null> => {
    const [tip, isUsed] = await Promise.all([
      readTip(server, config.finality),
      isNonceUsed(server, promise, "latest"),
    ]);
    if (isUsed) return fateOfUsed(server, config, { promise, tip });
    const isOver = BigInt(tip.final.timeMs) > promise.validBefore * 1_000n;
    return isOver ? { kind: "dead", reason: "authorization_expired" } : { kind: "open" };
  });
  if (read.kind !== "done") return read;
  return read.value === null
    ? unknown("the nonce is spent, and no transfer is to be seen yet")
    : done(read.value);
}

interface Place {
  readonly promise: SignedPromise;
  readonly tip: Tip;
}

/** Null: perhaps only out of sight, or in a block that goes again. */
async function fateOfUsed(
  server: ServerClient,
  config: EvmConfig,
  place: Place,
): Promise<AuthorizationFate | null> {
  const found = await findTransaction(server, config, place);
  if (found.kind === "found") return { kind: "used", txId: found.txId };
  if (!found.isWhole) return null;
  const isFinal = await isNonceUsed(server, place.promise, place.tip.final.number);
  return isFinal ? { kind: "dead", reason: "authorization_revoked" } : null;
}

type Search =
  | { readonly kind: "found"; readonly txId: Hex }
  /** `isWhole`: every block that could have held it was searched. */
  | { readonly kind: "absent"; readonly isWhole: boolean };

/** Looks for the promise's own transfer, from the newest block back to where it cannot have been signed yet. */
async function findTransaction(
  server: ServerClient,
  { tuning }: EvmConfig,
  { promise, tip }: Place,
): Promise<Search> {
  const earliestMs = (promise.validBefore - BigInt(LONGEST_WINDOW_S)) * 1_000n;
  let to = tip.head.number;
  for (let left = MAX_CALLS; left > 0; left--) {
    const from = Math.max(to - tuning.logBlocks + 1, 0);
    const range = { fromBlock: numberToHex(from), toBlock: numberToHex(to) };
    const parties = [TRANSFER, pad(promise.from), pad(promise.to)];
    const query = { address: promise.token, topics: parties, ...range };
    const [first, last, logs] = await Promise.all([
      readHeader(server, from),
      readHeader(server, to),
      server.request({ method: "eth_getLogs", params: [query] }),
    ]);
    const txId = await carrierIn(server, promise, logs);
    if (txId !== null) return { kind: "found", txId };
    if (first === null || last === null) break;
    if (from === 0 || BigInt(first.timeMs) < earliestMs) return { kind: "absent", isWhole: true };
    to = from - 1;
  }
  return { kind: "absent", isWhole: false };
}

async function carrierIn(
  server: ServerClient,
  promise: SignedPromise,
  logs: readonly RpcLog[],
): Promise<Hex | null> {
  const amounts = logs.filter(({ data }) => /^0x[0-9a-f]{64}$/i.test(data));
  const fitting = amounts.filter(({ data }) => BigInt(data) === promise.atomic);
  const txIds = new Set(fitting.flatMap(({ transactionHash }) => transactionHash ?? []));
  for (const txId of txIds)
    if (carriesOut(promise, await readTransaction(server, txId))) return txId;
  return null;
}
