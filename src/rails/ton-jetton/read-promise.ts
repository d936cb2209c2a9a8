import type { JsonObject } from "../../json.ts";
import type { Authorization, AuthorizationRead, PaymentTerms } from "../rail.ts";
import { rawAddress } from "../../chains/ton/addresses.ts";
import { readSignedTransfer, type SignedTransfer } from "./promise.ts";
import { promiseRef } from "./promise-ref.ts";
import { demandsOf, isSameDemands, type Receiver } from "./requirements.ts";

/** A promise with the terms that it fits. */
export interface ReadPromise {
  readonly transfer: SignedTransfer;
  readonly terms: PaymentTerms;
}

type Members = Readonly<Record<string, unknown>>;
type Reading = { readonly kind: "read"; readonly read: ReadPromise } | Invalid;
type Invalid = Extract<AuthorizationRead, { kind: "invalid" }>;

function invalid(reason: string): Invalid {
  return { kind: "invalid", reason };
}

/** What a payload promises, held against the terms. No signature is checked, no clock read, no chain asked. */
export function readAuthorization(
  receiver: Receiver,
  version: 1 | 2,
  payload: unknown,
  terms: PaymentTerms,
): AuthorizationRead {
  // The scheme was never published for version 1.
  if (version !== 2) return invalid("invalid_x402_version");
  const reading = readPayload(receiver, payload, terms);
  if (reading.kind === "invalid") return reading;
  return { kind: "authorization", authorization: authorizationOf(receiver, reading.read, payload) };
}

/** The promise of a stored authorization, which was read before; null when it does not fit any more. */
export function storedPromise(receiver: Receiver, { body }: Authorization): ReadPromise | null {
  const { payload, terms } = body;
  if (!isMembers(terms)) return null;
  const reading = readPayload(receiver, payload, terms as unknown as PaymentTerms);
  return reading.kind === "read" ? reading.read : null;
}

function readPayload(receiver: Receiver, payload: unknown, terms: PaymentTerms): Reading {
  if (!isMembers(payload)) return invalid("invalid_payload");
  if (payload["x402Version"] !== 2) return invalid("invalid_x402_version");
  const { accepted, payload: inner } = payload;
  if (!isMembers(accepted) || !isMembers(inner)) return invalid("invalid_payload");
  const mismatch = termsReason(receiver, terms) ?? acceptedReason(accepted, terms);
  if (mismatch !== null) return invalid(mismatch);
  if (inner["asset"] !== terms.asset) return invalid("invalid_exact_tvm_asset_mismatch");
  const transfer = readSignedTransfer(inner["settlementBoc"]);
  if (typeof transfer === "string") return invalid(transfer);
  const unfit = walletReason(receiver, transfer) ?? transferReason(transfer, terms);
  return unfit === null ? { kind: "read", read: { transfer, terms } } : invalid(unfit);
}

/** Why terms are none that this rail can carry out, or null. */
function termsReason({ config }: Receiver, terms: PaymentTerms): string | null {
  if (terms.scheme !== "exact") return "unsupported_scheme";
  if (terms.network !== config.network.caip2) return "invalid_network";
  if (terms.asset !== config.jetton.master) return "invalid_exact_tvm_asset_mismatch";
  if (!/^[1-9]\d{0,35}$/.test(terms.amount)) return "invalid_payment_requirements";
  const demands = demandsOf(terms.extra);
  if (demands === null) return "invalid_payment_requirements";
  return demands.areFeesSponsored ? null : "invalid_exact_tvm_fees_not_sponsored";
}

/** Why a payload accepts other terms than these, or null. */
function acceptedReason(accepted: Members, terms: PaymentTerms): string | null {
  if (accepted["scheme"] !== terms.scheme) return "unsupported_scheme";
  if (accepted["network"] !== terms.network) return "invalid_exact_tvm_network_mismatch";
  if (accepted["asset"] !== terms.asset) return "invalid_exact_tvm_asset_mismatch";
  if (accepted["payTo"] !== terms.payTo) return "invalid_exact_tvm_recipient_mismatch";
  if (accepted["amount"] !== terms.amount) return "invalid_exact_tvm_amount_mismatch";
  const { extra } = accepted;
  const demands = isMembers(extra) ? demandsOf(extra as JsonObject) : null;
  const wanted = demandsOf(terms.extra);
  const isSame = demands !== null && wanted !== null && isSameDemands(demands, wanted);
  return isSame ? null : "invalid_exact_tvm_extra_mismatch";
}

/** What carries a message's own value alone; 128 and 64 would take more of the payer's, 32 would end the wallet. */
const MODES: readonly number[] = [1, 3];

function walletReason({ relay, treasury }: Receiver, transfer: SignedTransfer): string | null {
  const { payer, mode, isBounceable } = transfer;
  if (payer.equals(relay) || payer.equals(treasury))
    return "invalid_exact_tvm_payer_is_facilitator";
  if (payer.workChain !== 0) return "invalid_exact_tvm_wallet";
  if (!MODES.includes(mode)) return "invalid_exact_tvm_send_mode";
  return isBounceable ? null : "invalid_exact_tvm_not_bounceable";
}

/** Why the transfer is not the one that the terms ask for, or null. */
function transferReason(
  { order }: SignedTransfer,
  { payTo, amount, extra }: PaymentTerms,
): string | null {
  if (order.atomic.toString() !== amount) return "invalid_exact_tvm_amount_mismatch";
  if (rawAddress(order.to) !== payTo) return "invalid_exact_tvm_recipient_mismatch";
  if (order.hasCustomPayload) return "invalid_exact_tvm_custom_payload";
  const demands = demandsOf(extra);
  const responseTo = order.responseTo === null ? null : rawAddress(order.responseTo);
  if (responseTo !== demands?.responseTo) return "invalid_exact_tvm_response_destination_mismatch";
  if (order.forwardNano !== demands.forwardNano)
    return "invalid_exact_tvm_forward_ton_amount_mismatch";
  if (order.forwardHash !== demands.forwardHash)
    return "invalid_exact_tvm_forward_payload_mismatch";
  return null;
}

function authorizationOf(
  { config }: Receiver,
  { transfer, terms }: ReadPromise,
  payload: unknown,
): Authorization {
  const { asset, jetton, network } = config;
  const payer = rawAddress(transfer.payer);
  return {
    ref: promiseRef(network.caip2, { master: jetton.master, payer, body: transfer.body }),
    from: payer,
    amount: { asset, atomic: transfer.order.atomic },
    validUntilMs: transfer.validUntilS * 1_000,
    body: { terms: terms as unknown as JsonObject, payload: keptPayload(payload) },
  };
}

/** What was checked, and nothing else of what the payer has sent. */
function keptPayload(payload: unknown): JsonObject {
  const { accepted, payload: inner } = payload as { accepted: JsonObject; payload: JsonObject };
  const { settlementBoc = null, asset = null } = inner;
  const { scheme = null, network = null, amount = null, payTo = null, extra = null } = accepted;
  const terms = { scheme, network, amount, asset: accepted["asset"] ?? null, payTo, extra };
  return { x402Version: 2, accepted: terms, payload: { settlementBoc, asset } };
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
