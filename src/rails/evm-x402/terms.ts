import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Token } from "../../chains/evm/networks.ts";
import type { PayableOrder, PaymentTerms } from "../rail.ts";

/**
 * Bounds of the time for which a payer signs. Long enough to carry a promise out again after a reorg, short
 * enough that an order whose payer gave up is not held for long.
 */
const SHORTEST_S = 300;
const LONGEST_S = 900;

/**
 * The terms of an order, one entry for each quoted token. Money first ("upfront"): a seller that is paid after it
 * has delivered would have to trust every signature.
 */
export function termsOf(
  config: EvmConfig,
  order: PayableOrder,
  nowMs: number,
): readonly PaymentTerms[] {
  return order.legs.flatMap(({ amount, expiresAtMs }): PaymentTerms[] => {
    const token = config.tokens.find(({ asset }) => asset.id === amount.asset.id);
    if (token === undefined) return [];
    const leftS = Math.floor((expiresAtMs - nowMs) / 1_000);
    return [
      {
        scheme: "exact",
        network: config.caip2,
        amount: amount.atomic.toString(),
        asset: token.address,
        payTo: config.treasury,
        maxTimeoutSeconds: Math.min(Math.max(leftS, SHORTEST_S), LONGEST_S),
        extra: { ...methodExtra(token), paymentFlow: "upfront", orderId: order.id },
      },
    ];
  });
}

/** What a client must know to sign for this token. */
function methodExtra({ method }: Token): Readonly<Record<string, string>> {
  if (method.kind === "permit2") return { assetTransferMethod: "permit2" };
  return { assetTransferMethod: "eip3009", ...method.domain };
}
