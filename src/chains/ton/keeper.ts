import type { MessageRelaxed } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { TonChain } from "./chain.ts";
import { HIGHLOAD_TIMEOUT_S, type HighloadWallet, pickNumber, signHighload } from "./highload.ts";

/** An account of ours that pays for what anybody may do: its key moves no customer's money. */
export interface Keeper {
  /** Signs messages that are sent together, at most once. Sends nothing yet. */
  sign(messages: readonly MessageRelaxed[]): Promise<Outcome<KeeperMessage>>;
}

export interface KeeperMessage {
  /** By which explorers show all that follows. */
  readonly messageHash: string;
  /** Chain time after which it can not be carried out any more. */
  readonly validUntilMs: number;
  /** May be repeated. */
  send(): Promise<Outcome<null>>;
}

/** What the wallet needs for itself, beside what it sends along. */
const RESERVE_NANO = 100_000_000n;
const CREATED_BEFORE_S = 5;

export function openKeeper(chain: TonChain, wallet: HighloadWallet): Keeper {
  return {
    async sign(messages) {
      const state = await chain.state(wallet.address);
      if (state.kind !== "done") return state;
      const { balanceNano, chainTimeMs, kind } = state.value;
      const valueNano = messages.reduce((sum, message) => sum + coinsOf(message), RESERVE_NANO);
      if (balanceNano < valueNano) return failed("the keeper has too little TON for gas", "retry");
      const createdAtS = Math.floor(chainTimeMs / 1_000) - CREATED_BEFORE_S;
      const [first] = messages;
      const what = first?.body.hash() ?? Buffer.alloc(0);
      const number = pickNumber(what, createdAtS, state.value);
      const isFirst = kind !== "active";
      const signed = signHighload(wallet, { messages, number, createdAtS, isFirst });
      return done({
        messageHash: signed.messageHash.toString("hex"),
        validUntilMs: (createdAtS + HIGHLOAD_TIMEOUT_S) * 1_000,
        send: () => chain.send(signed.boc),
      });
    },
  };
}

function coinsOf({ info }: MessageRelaxed): bigint {
  return info.type === "internal" ? info.value.coins : 0n;
}
