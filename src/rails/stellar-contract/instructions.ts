import { formatDecimal } from "../../money.ts";
import type { PayableOrder } from "../rail.ts";
import type { RailAssets, StellarContractConfig } from "./network.ts";

/** The wire form of "pay this order": `SorobanPayment` of the cards API. */
export type SorobanInstructions = Readonly<{
  type: "soroban_contract";
  contract_id: string;
  order_id: string;
  usdc: Readonly<{ amount: string; asset: string }>;
  xlm?: Readonly<{ amount: string; expires_at: string }>;
  xlm_unavailable?: string;
  network_passphrase: string;
}>;

/** Null when the order has no USDC leg: what is payable on this rail is payable in dollars. */
export function writeInstructions(
  config: StellarContractConfig,
  assets: RailAssets,
  order: PayableOrder,
): SorobanInstructions | null {
  const legOf = (assetId: string): PayableOrder["legs"][number] | undefined =>
    order.legs.find((leg) => leg.amount.asset.id === assetId);
  const usdc = legOf(assets.usdc.asset.id);
  if (usdc === undefined) return null;
  const xlm = legOf(assets.xlm.asset.id);
  const missing = order.missing.find(({ symbol }) => symbol === "XLM");
  return {
    type: "soroban_contract",
    contract_id: config.receiverContractId,
    order_id: order.id,
    usdc: {
      amount: formatDecimal(usdc.amount.atomic, 7, 2),
      asset: `${config.usdc.code}:${config.usdc.issuer}`,
    },
    ...(xlm === undefined ? {} : { xlm: xlmLeg(xlm) }),
    ...(xlm === undefined && missing !== undefined ? { xlm_unavailable: missing.reason } : {}),
    network_passphrase: config.passphrase,
  };
}

function xlmLeg(leg: PayableOrder["legs"][number]): { amount: string; expires_at: string } {
  return {
    amount: formatDecimal(leg.amount.atomic, 7, 7),
    expires_at: new Date(leg.expiresAtMs).toISOString(),
  };
}
