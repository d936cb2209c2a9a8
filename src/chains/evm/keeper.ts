import { type Address, type Hex, hexToNumber, keccak256 } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import { type Bid, bidFor, higherOf, type Market, raised, readMarket } from "./fees.ts";
import type { Purse } from "./payout.ts";
import { submitRaw } from "./submit.ts";

export interface KeeperCall {
  readonly to: Address;
  readonly data: Hex;
}

/** Where a call has landed. */
export interface Landed {
  readonly txId: Hex;
  readonly height: number;
}

/** An account of ours that pays for what anybody may do: its key moves no customer's money. */
export interface Keeper {
  /** The gas of a call, with a margin; `failed` for good when the contract turns it down. */
  estimate(call: KeeperCall): Promise<Outcome<bigint>>;
  /** Sends it and waits until it has landed. `failed`: it has not, and may be tried again. One at a time. */
  send(call: KeeperCall, gas: bigint, signal: AbortSignal): Promise<Outcome<Landed>>;
}

const GAS_MARGIN_PERCENT = 130n;
/** How long a transaction is waited for. */
const LANDING_MS = 120_000;
const LONGEST_LOOK_MS = 500;
const LOOKS_UNTIL_RESENT = 10;

export function openKeeper(purse: Purse, key: Hex, clock: Clock): Keeper {
  const { client, config } = purse;
  const account = privateKeyToAccount(key);
  let last: (Bid & { readonly nonce: number }) | null = null;

  /** Higher than the bid before, if that one still holds the nonce. */
  const nextBid = (market: Market, nonce: number): Bid | null => {
    const fair = bidFor(market, config.maxFeeWei);
    if (fair === null || last?.nonce !== nonce) return fair;
    const bid = higherOf(raised(last), fair);
    return bid.maxFeeWei > config.maxFeeWei ? null : bid;
  };

  const landing = async (raw: Hex, signal: AbortSignal): Promise<Outcome<Landed>> => {
    const txId = keccak256(raw);
    const untilMs = clock.now() + LANDING_MS;
    for (let looks = 1; clock.now() < untilMs && !signal.aborted; looks++) {
      const receipt = await client.read((server) =>
        server.request({ method: "eth_getTransactionReceipt", params: [txId] }),
      );
      if (receipt.kind === "done" && receipt.value !== null) {
        const { status, blockNumber } = receipt.value;
        if (status === "0x1") return done({ txId, height: hexToNumber(blockNumber) });
        return failed(`${txId} was reverted`, "retry");
      }
      // It may not have arrived, or may have been forgotten.
      if (looks % LOOKS_UNTIL_RESENT === 0) await submitRaw(client, raw);
      await clock.sleep(Math.min(config.tuning.pollMaxMs, LONGEST_LOOK_MS), signal);
    }
    return failed(`${txId} has not landed yet`, "retry");
  };

  return {
    async estimate(call) {
      const gas = await client.read((server) =>
        server.request({ method: "eth_estimateGas", params: [{ from: account.address, ...call }] }),
      );
      return gas.kind === "done" ? done((BigInt(gas.value) * GAS_MARGIN_PERCENT) / 100n) : gas;
    },
    async send(call, gas, signal) {
      const read = await client.read((server) =>
        Promise.all([
          readMarket(server, config.network),
          server.getTransactionCount({ address: account.address, blockTag: "latest" }),
        ]),
      );
      if (read.kind !== "done") return read;
      const [market, nonce] = read.value;
      const bid = nextBid(market, nonce);
      if (bid === null) return failed("gas costs more than MAX_FEE_GWEI", "retry");
      last = { ...bid, nonce };
      const raw = await account.signTransaction({
        type: "eip1559",
        chainId: config.chainId,
        ...call,
        nonce,
        gas,
        maxFeePerGas: bid.maxFeeWei,
        maxPriorityFeePerGas: bid.tipWei,
      });
      const sent = await submitRaw(client, raw);
      if (sent.kind === "failed") return failed(sent.reason, "retry");
      return landing(raw, signal);
    },
  };
}
