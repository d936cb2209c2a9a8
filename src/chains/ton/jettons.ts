import { Address, beginCell } from "@ton/core";
import { rawAddress } from "./addresses.ts";
import type { TonChain } from "./chain.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import { ranToEnd } from "./same-answer.ts";

/** Jetton wallets by their owners, by the word of the minter. */
export interface JettonBook {
  walletOf(master: string, owner: Address): Promise<Outcome<Address>>;
}

/** Bounds the memory; strangers bring owners along. */
const MAX_KEPT = 10_000;

/** An address never changes, so each is asked for once. */
export function openJettonBook(chain: TonChain): JettonBook {
  const known = new Map<string, Address>();
  return {
    async walletOf(master, owner) {
      const key = `${master}|${rawAddress(owner)}`;
      const kept = known.get(key);
      if (kept !== undefined) return done(kept);
      const cell = beginCell().storeAddress(owner).endCell();
      const minter = Address.parseRaw(master);
      const run = await chain.run(minter, "get_wallet_address", [{ type: "slice", cell }]);
      if (run.kind !== "done") return run;
      const { exitCode, stack } = run.value;
      if (!ranToEnd(exitCode))
        return failed(`the minter knows no wallets (exit code ${exitCode})`, "final");
      const address = readAddress(() => stack.readAddress());
      if (address === null) return failed("the minter answers with no address", "retry");
      if (known.size >= MAX_KEPT) known.clear();
      known.set(key, address);
      return done(address);
    },
  };
}

function readAddress(read: () => Address): Address | null {
  try {
    return read();
  } catch {
    return null;
  }
}

export interface JettonWalletState {
  /** 0n while the wallet is not on chain. */
  readonly atomic: bigint;
  /** The jetton's administrator has locked it. */
  readonly canSend: boolean;
  readonly canReceive: boolean;
  /** As of which this is so. */
  readonly chainTimeMs: number;
}

const LOCKED_FOR_SENDING = 1;
const LOCKED_FOR_RECEIVING = 2;
/** The TVM's "no such method". */
const NO_METHOD = 11;

/** Balance and lock of a jetton wallet. Jettons without an administrator's lock have no status to ask for. */
export async function readJettonWallet(
  chain: TonChain,
  wallet: Address,
): Promise<Outcome<JettonWalletState>> {
  const state = await chain.state(wallet);
  if (state.kind !== "done") return state;
  const { kind, chainTimeMs } = state.value;
  if (kind !== "active") return done({ atomic: 0n, canSend: true, canReceive: true, chainTimeMs });
  const [data, status] = await Promise.all([
    readNumber(chain, wallet, "get_wallet_data"),
    readNumber(chain, wallet, "get_status"),
  ]);
  if (data.kind !== "done") return data;
  if (status.kind !== "done") return status;
  if (data.value === null) return failed("there is something else than a jetton wallet", "retry");
  const bits = Number(status.value ?? 0n);
  return done({
    atomic: data.value,
    canSend: (bits & LOCKED_FOR_SENDING) === 0,
    canReceive: (bits & LOCKED_FOR_RECEIVING) === 0,
    chainTimeMs,
  });
}

/** The number that a method answers with first; null when there is no such method. */
async function readNumber(
  chain: TonChain,
  address: Address,
  method: string,
): Promise<Outcome<bigint | null>> {
  const run = await chain.run(address, method);
  if (run.kind !== "done") return run;
  const { exitCode, stack } = run.value;
  if (exitCode === NO_METHOD) return done(null);
  if (!ranToEnd(exitCode)) return failed(`${method} ended with exit code ${exitCode}`, "retry");
  const item = stack.remaining > 0 ? stack.pop() : null;
  return item?.type === "int"
    ? done(item.value)
    : failed(`${method} answers with no number`, "retry");
}
