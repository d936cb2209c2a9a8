import { type Address, Cell } from "@ton/core";
import type { JsonObject } from "../../json.ts";
import type { PayableOrder, PaymentTerms } from "../rail.ts";
import { parseAddress } from "../../chains/ton/addresses.ts";
import { orderPayload } from "../../chains/ton/payload.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";

/** As the published scheme has it: long enough to sign and send, short enough to be sure soon. */
const MAX_TIMEOUT_S = 300;
/** A notification, so that wallets show where the money went. */
const FORWARD_NANO = "1";

export interface Receiver {
  readonly config: TonConfig;
  readonly treasury: Address;
  /** Gets the rest of the gas back that it has paid. */
  readonly relay: Address;
}

/** The terms of an order; `[]` when none of its legs is of this rail. */
export function termsOf(
  { config, treasury, relay }: Receiver,
  order: PayableOrder,
): readonly PaymentTerms[] {
  const leg = order.legs.find(({ amount }) => amount.asset.id === config.asset.id);
  if (leg === undefined) return [];
  return [
    {
      scheme: "exact",
      network: config.network.caip2,
      amount: leg.amount.atomic.toString(),
      asset: config.jetton.master,
      payTo: treasury.toRawString(),
      maxTimeoutSeconds: MAX_TIMEOUT_S,
      extra: {
        areFeesSponsored: true,
        forwardPayload: orderPayload(order.id).toBoc().toString("base64"),
        forwardTonAmount: FORWARD_NANO,
        responseDestination: relay.toRawString(),
        paymentFlow: "upfront",
        orderId: order.id,
      },
    },
  ];
}

/** What `extra` demands of the transfer, its defaults filled in. */
export interface TransferDemands {
  readonly areFeesSponsored: boolean;
  /** Hash of the payload's cell; that of an empty one for none. */
  readonly forwardHash: string;
  readonly forwardNano: bigint;
  /** Raw; null: nobody gets the rest of the gas. */
  readonly responseTo: string | null;
}

const EMPTY_HASH = Cell.EMPTY.hash().toString("hex");

/** Null when a member is not of its form. Two `extra` that say the same in other words demand the same. */
export function demandsOf(extra: JsonObject): TransferDemands | null {
  const { areFeesSponsored = false, forwardTonAmount = "0" } = extra;
  const forwardHash = forwardHashOf(extra["forwardPayload"]);
  const responseTo = responseOf(extra["responseDestination"]);
  if (typeof areFeesSponsored !== "boolean" || forwardHash === null || responseTo === undefined)
    return null;
  if (typeof forwardTonAmount !== "string" || !/^\d{1,18}$/.test(forwardTonAmount)) return null;
  return { areFeesSponsored, forwardHash, forwardNano: BigInt(forwardTonAmount), responseTo };
}

export function isSameDemands(a: TransferDemands, b: TransferDemands): boolean {
  return (
    a.areFeesSponsored === b.areFeesSponsored &&
    a.forwardHash === b.forwardHash &&
    a.forwardNano === b.forwardNano &&
    a.responseTo === b.responseTo
  );
}

function forwardHashOf(value: unknown): string | null {
  if (value === undefined) return EMPTY_HASH;
  if (typeof value !== "string") return null;
  try {
    return Cell.fromBase64(value).hash().toString("hex");
  } catch {
    return null;
  }
}

function responseOf(value: unknown): string | null | undefined {
  if (value === undefined || value === null) return null;
  return typeof value === "string" ? parseAddress(value)?.toRawString() : undefined;
}
