import { Refusal } from "../../errors.ts";
import type { Order } from "../../orders/order.ts";
import { NO_PLANS } from "../../products/plan.ts";
import type { Product, ProductRequest } from "../../products/product.ts";
import type { HttpDeps, PayableRail } from "../deps.ts";
import { composeOrder, requireGoods, requirePiece } from "../new-order.ts";
import { refuseUntil } from "../problem.ts";
import type { X402NewOrder } from "../schemas-x402.ts";

/** The catalogue and the prices change within seconds. */
const RETRY_S = 15;

/**
 * A complete order for the request, not stored yet. Everything is checked before a payment is asked for, since
 * nobody may pay for what would then be refused.
 */
export function composeX402Order(deps: HttpDeps, keyId: string, fields: X402NewOrder): Order {
  const { product, piece } = readPiece(deps, fields);
  const rails = chooseRails(deps.rails, fields);
  const refundTo = readRefundAddress(fields.refund_address);
  const { windowMs } = deps.settings.x402;
  const order = composeOrder(
    { ...deps, rails },
    { keyId, product, piece, fields, refundTo, windowMs },
  );
  if (order.instructions.length > 0) return order;
  throw refuseUntil(
    "service_temporarily_unavailable",
    "There is no way to pay at the moment. Nothing was charged.",
    RETRY_S,
  );
}

function readPiece(
  deps: HttpDeps,
  fields: X402NewOrder,
): { readonly product: Product; readonly piece: ProductRequest } {
  const { prepaidCard, travelEsim } = deps.products;
  const nowMs = deps.clock.now();
  if (fields.product === "prepaid-card" && fields.plan_id !== undefined)
    throw new Refusal("invalid_request", "A card has an amount_usdc, not a plan_id.");
  if (fields.product === "prepaid-card") {
    const read = prepaidCard.read({ ...fields }, NO_PLANS);
    const price = read?.priceUsdMicro ?? null;
    const availability = deps.availability(prepaidCard.id, price, nowMs);
    requireGoods(availability);
    return { product: prepaidCard, piece: requirePiece(read, availability) };
  }
  const { plan_id: planId } = fields;
  if (planId === undefined)
    throw new Refusal(
      "invalid_request",
      'Send a plan_id, or "product": "prepaid-card" with an amount_usdc.',
    );
  requireGoods(deps.availability(travelEsim.id, null, nowMs));
  const piece = travelEsim.read({ ...fields }, deps.plans(travelEsim.id, nowMs));
  if (piece !== null) return { product: travelEsim, piece };
  throw new Refusal(
    "plan_unknown",
    `No plan "${planId.slice(0, 64)}" is on sale now. GET /api/v1/x402/plans lists those that are.`,
  );
}

/** The rails and assets that the request wants; all of them when it does not say. */
function chooseRails(
  rails: readonly PayableRail[],
  { rail, asset }: X402NewOrder,
): readonly PayableRail[] {
  const chosen = rails.filter(
    ({ id, kind }) =>
      rail === undefined || id === rail || kind === rail || id.startsWith(`${rail}/`),
  );
  if (chosen.length === 0)
    throw refuseChoice(
      "rail",
      rails.map(({ id }) => id),
    );
  if (asset === undefined) return chosen;
  const narrowed = chosen.flatMap((each) => {
    const assets = each.assets.filter(({ id, symbol }) => symbol === asset || id === asset);
    return assets.length === 0 ? [] : [{ ...each, assets }];
  });
  if (narrowed.length > 0) return narrowed;
  const symbols = chosen.flatMap(({ assets }) => assets.map(({ symbol }) => symbol));
  throw refuseChoice("asset", [...new Set(symbols)]);
}

function refuseChoice(field: string, allowed: readonly string[]): Refusal {
  return new Refusal("invalid_request", `${field} must be one of ${allowed.join(", ")}.`);
}

/** Form only: whose it is shows nowhere, and it is used only when the payer's own can not be. */
const ADDRESSES: readonly RegExp[] = [
  /^0x(?!0{40}$)[0-9a-fA-F]{40}$/, // EVM
  /^G[A-Z2-7]{55}$/, // Stellar
  /^[A-Za-z0-9_-]{48}$/, // TON, user-friendly
  /^(?:0|-1):[0-9a-fA-F]{64}$/, // TON, raw
];

function readRefundAddress(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (ADDRESSES.some((form) => form.test(text))) return text;
  throw new Refusal(
    "invalid_request",
    "refund_address must be an address of a network that the order can be paid on.",
  );
}
