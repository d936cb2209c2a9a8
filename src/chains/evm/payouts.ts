import { erc20Abi } from "viem";
import type { Asset } from "../../money.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import { readFate, type TransferFate } from "./fate.ts";
import type { Token } from "./networks.ts";
import { outbidTransfer } from "./outbid.ts";
import {
  lanePrefix,
  nonceOf,
  type PayoutOrder,
  type Purse,
  readBody,
  type SignedTransfer,
  type StoredTransfer,
} from "./payout.ts";
import { signTransfer } from "./sign.ts";
import { submitRaw } from "./submit.ts";

/** The sending half of a chain's rails, which all pay out of the same treasury: what `Payouts` of the rail port asks for. */
export interface TreasuryPayouts {
  freeLane(taken: ReadonlySet<string>): Promise<Outcome<string | null>>;
  balance(asset: Asset): Promise<Outcome<bigint>>;
  sign(payout: PayoutOrder): Promise<Outcome<SignedTransfer>>;
  submit(payout: StoredTransfer): Promise<Outcome<null>>;
  fate(payout: StoredTransfer): Promise<Outcome<TransferFate>>;
  outbid(payout: StoredTransfer): Promise<Outcome<SignedTransfer | null>>;
}

/** Servers promise to keep so many transactions of one account that wait for each other. */
const MAX_WAITING = 16;

/** ERC-20 transfers from the treasury. Each has a nonce of its own, which the store reserves as its lane. */
export function openPayouts(purse: Purse): TreasuryPayouts {
  return {
    freeLane: (taken) => freeLane(purse, taken),
    balance: (asset) => readBalance(purse, asset),
    sign: (payout) => signTransfer(purse, payout),
    async submit(payout) {
      const body = readBody(payout.body);
      return body === null
        ? failed("not a payout of this rail", "final")
        : submitRaw(purse.client, body.raw);
    },
    fate: (payout) => readFate(purse, payout),
    outbid: (payout) => outbidTransfer(purse, payout),
  };
}

/** The lowest nonce that the chain has not used and nobody has reserved, so that no gap holds up the later ones. */
async function freeLane(
  { client, config }: Purse,
  taken: ReadonlySet<string>,
): Promise<Outcome<string | null>> {
  const used = await client.read((server) =>
    server.getTransactionCount({ address: config.treasury, blockTag: "latest" }),
  );
  if (used.kind !== "done") return used;
  const nonces = new Set([...taken].flatMap((lane) => nonceOf(config, lane) ?? []));
  const waiting = [...nonces].filter((nonce) => nonce >= used.value);
  if (waiting.length >= MAX_WAITING) return done(null);
  let nonce = used.value;
  while (nonces.has(nonce)) nonce++;
  return done(`${lanePrefix(config)}${nonce}`);
}

async function readBalance({ client, config }: Purse, asset: Asset): Promise<Outcome<bigint>> {
  const token = tokenOf(config.tokens, asset);
  if (token === null) return failed(`${asset.id} is not an asset of this rail`, "final");
  const { address } = token;
  const args = [config.treasury] as const;
  return client.read((server) =>
    server.readContract({ address, abi: erc20Abi, functionName: "balanceOf", args }),
  );
}

/** Null when the chain's rails do not take it. */
function tokenOf(tokens: readonly Token[], asset: Asset): Token | null {
  return tokens.find((token) => token.asset.id === asset.id) ?? null;
}
