import type { Address } from "@ton/core";
import { formatDecimal } from "../../money.ts";
import type { PayableOrder, PaymentTerms } from "../rail.ts";
import { orderPayload } from "../../chains/ton/payload.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";

/** The wire form of "send this much of this jetton to this address, with this payload or this comment". */
export type TonInstructions = Readonly<{
  type: "ton_jetton";
  /** CAIP-2: "tvm:-239". */
  network: string;
  /** Who receives, in the form that wallets show, and raw. */
  address: string;
  address_raw: string;
  jetton_master: string;
  symbol: string;
  decimals: number;
  /** Decimal text: "12.34". */
  amount: string;
  /** Base units. */
  amount_atomic: string;
  /** Forward payload of the transfer: base64 of a bag of cells. One of the two names the order. */
  forward_payload: string;
  /** For wallets that attach text only. */
  comment: string;
  /** Nanoton to forward with it. */
  forward_ton_amount: string;
  expires_at: string;
  /** The same payment by x402 version 2, for payers without TON. */
  accepts?: readonly PaymentTerms[];
}>;

const FORWARD_NANO = "1";

/** Null when the order has no leg in the rail's jetton. */
export function writeInstructions(
  { network, jetton, asset }: Pick<TonConfig, "network" | "jetton" | "asset">,
  treasury: Address,
  order: PayableOrder,
): TonInstructions | null {
  const leg = order.legs.find(({ amount }) => amount.asset.id === asset.id);
  if (leg === undefined) return null;
  const { atomic } = leg.amount;
  return {
    type: "ton_jetton",
    network: network.caip2,
    address: treasury.toString({ testOnly: network.name === "testnet", bounceable: false }),
    address_raw: treasury.toRawString(),
    jetton_master: jetton.master,
    symbol: jetton.symbol,
    decimals: jetton.decimals,
    amount: formatDecimal(atomic, jetton.decimals, 2),
    amount_atomic: atomic.toString(),
    forward_payload: orderPayload(order.id).toBoc().toString("base64"),
    comment: order.id,
    forward_ton_amount: FORWARD_NANO,
    expires_at: new Date(leg.expiresAtMs).toISOString(),
  };
}
