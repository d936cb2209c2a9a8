import type { Address } from "@ton/core";
import type { TonConfig } from "../../chains/ton/settings.ts";
import { formatDecimal } from "../../money.ts";
import type { PayableOrder } from "../rail.ts";

/** The wire form of "send this much of this jetton to this address, with nothing attached". */
export type TonDepositInstructions = Readonly<{
  type: "ton_deposit";
  /** CAIP-2: "tvm:-239". */
  network: string;
  /** The order's own, in the form that wallets show, and raw: whatever is sent here is for this order. */
  address: string;
  address_raw: string;
  jetton_master: string;
  symbol: string;
  decimals: number;
  /** Decimal text: "12.34". */
  amount: string;
  /** Base units. */
  amount_atomic: string;
  expires_at: string;
}>;

/** Null when the order has no leg in the rail's jetton. */
export function writeInstructions(
  { network, jetton, asset }: Pick<TonConfig, "network" | "jetton" | "asset">,
  addressOf: (orderId: string) => Address,
  order: PayableOrder,
): TonDepositInstructions | null {
  const leg = order.legs.find(({ amount }) => amount.asset.id === asset.id);
  if (leg === undefined) return null;
  const { atomic } = leg.amount;
  const address = addressOf(order.id);
  return {
    type: "ton_deposit",
    network: network.caip2,
    // Nothing is there yet, so that a plain transfer of coin would bounce off the other form.
    address: address.toString({ testOnly: network.name === "testnet", bounceable: false }),
    address_raw: address.toRawString(),
    jetton_master: jetton.master,
    symbol: jetton.symbol,
    decimals: jetton.decimals,
    amount: formatDecimal(atomic, jetton.decimals, 2),
    amount_atomic: atomic.toString(),
    expires_at: new Date(leg.expiresAtMs).toISOString(),
  };
}
