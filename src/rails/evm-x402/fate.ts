import { numberToHex, type RpcLog } from "viem";
import type { EvmClient, ServerClient } from "../../chains/evm/client.ts";
import { readTip, type Tip } from "../../chains/evm/finality.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import { done, type Outcome } from "../../outcome.ts";
import type { AuthorizationFate } from "../rail.ts";
import { PERMIT2, type Hex, type SignedPromise } from "./promise.ts";
import { isNonceUsed, permit2Place } from "./state.ts";

/** keccak256 of "AuthorizationUsed(address,bytes32)" and "AuthorizationCanceled(address,bytes32)" of EIP-3009. */
export const AUTHORIZATION_USED: Hex =
  "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";
const AUTHORIZATION_CANCELED: Hex =
  "0x1cdd46ff242716cdaa72d159d339a485b3438398348d68f09d7c8c0a59353d81";
/** keccak256("UnorderedNonceInvalidation(address,uint256,uint256)") of Permit2. */
const NONCE_INVALIDATION: Hex =
  "0x3704902f963766a4e561bbaab6e6cdc1b1dd12f6e9e99648da8843b3f46b918d";

/** A promise is valid for a quarter of an hour at most; what became of it lies within this. */
const LOOK_BACK_MS = 30 * 60_000;

/**
 * What became of a promise, by the chain alone. A nonce that is used up means that it was carried out, unless final
 * blocks hold its revocation; and one that is unused once final blocks are past its end can never be used.
 */
export async function readFate(
  client: EvmClient,
  config: EvmConfig,
  promise: SignedPromise,
): Promise<Outcome<AuthorizationFate>> {
  const read = await client.read(async (server): Promise<AuthorizationFate> => {
    const [tip, isUsed] = await Promise.all([
      readTip(server, config.finality),
      isNonceUsed(server, promise),
    ]);
    if (isUsed) return usedOrRevoked(server, config, { promise, tip });
    const isOver = BigInt(tip.final.timeMs) > promise.validBefore * 1_000n;
    return isOver ? { kind: "dead", reason: "authorization_expired" } : { kind: "open" };
  });
  return read.kind === "done" ? done(read.value) : read;
}

async function usedOrRevoked(
  server: ServerClient,
  config: EvmConfig,
  at: { readonly promise: SignedPromise; readonly tip: Tip },
): Promise<AuthorizationFate> {
  const { promise, tip } = at;
  const used = { kind: "used", txId: null } as const;
  const wanted = Math.ceil(LOOK_BACK_MS / config.network.blockMs);
  const span = Math.min(wanted, config.tuning.logBlocks);
  const logs = await server
    .request({
      method: "eth_getLogs",
      params: [
        {
          fromBlock: numberToHex(Math.max(tip.head.number - span, 0)),
          toBlock: numberToHex(tip.head.number),
          ...queryOf(promise),
        },
      ],
    })
    // Which transaction it was is a courtesy: the watcher reads it anyway.
    .catch((): readonly RpcLog[] => []);
  const carried = logs.find(({ topics }) => topics[0] === AUTHORIZATION_USED);
  if (carried?.transactionHash) return { kind: "used", txId: carried.transactionHash };
  const isRevoked = logs.some(
    (log) => isRevocation(log, promise) && Number(log.blockNumber) <= tip.final.number,
  );
  return isRevoked ? { kind: "dead", reason: "authorization_revoked" } : used;
}

function queryOf({ method, token, from, nonce }: SignedPromise) {
  const payer: Hex = `0x${from.slice(2).padStart(64, "0")}`;
  if (method === "eip3009")
    return { address: token, topics: [[AUTHORIZATION_USED, AUTHORIZATION_CANCELED], payer, nonce] };
  return { address: PERMIT2, topics: [NONCE_INVALIDATION, payer] };
}

function isRevocation({ topics, data }: RpcLog, { method, nonce }: SignedPromise): boolean {
  if (method === "eip3009") return topics[0] === AUTHORIZATION_CANCELED;
  const { word, bit } = permit2Place(nonce);
  const [place, mask] = [data.slice(2, 66), data.slice(66, 130)];
  if (topics[0] !== NONCE_INVALIDATION || mask === "") return false;
  return BigInt(`0x${place}`) === word && (BigInt(`0x${mask}`) & bit) !== 0n;
}
