import type { MessageRelaxed } from "@ton/core";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { TonChain } from "./chain.ts";
import { type HighloadWallet, pickNumber, signHighload } from "./highload.ts";

/** An account of ours that pays for what anybody may do: its key moves no customer's money. */
export interface Keeper {
  /**
   * Sends messages together, and gives the hash by which explorers show all that follows. `failed`: nothing was
   * sent; otherwise they may be carried out until `HIGHLOAD_TIMEOUT_S` later.
   */
  send(messages: readonly MessageRelaxed[]): Promise<Outcome<string>>;
}

/** What the wallet needs for itself, beside what it sends along. */
const RESERVE_NANO = 100_000_000n;
const CREATED_BEFORE_S = 5;

export function openKeeper(chain: TonChain, wallet: HighloadWallet): Keeper {
  return {
    async send(messages) {
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
      const sent = await chain.send(signed.boc);
      if (sent.kind === "failed") return sent;
      return done(signed.messageHash.toString("hex"));
    },
  };
}

function coinsOf({ info }: MessageRelaxed): bigint {
  return info.type === "internal" ? info.value.coins : 0n;
}
