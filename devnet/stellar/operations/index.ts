import type { xdr } from "@stellar/stellar-sdk";
import { accountMerge } from "./account-merge.ts";
import { bumpSequence } from "./bump-sequence.ts";
import { changeTrust } from "./change-trust.ts";
import { createAccount } from "./create-account.ts";
import { manageData } from "./manage-data.ts";
import type { BodyOf, ClassicOperation, Threshold } from "./operation.ts";
import { payment } from "./payment.ts";
import { setOptions } from "./set-options.ts";
import { setTrustlineFlags } from "./set-trustline-flags.ts";

/** The classic operations of the local chain; every other one is opNOT_SUPPORTED. */
const OPERATIONS = {
  accountMerge,
  bumpSequence,
  changeTrust,
  createAccount,
  manageData,
  payment,
  setOptions,
  setTrustLineFlags: setTrustlineFlags,
} satisfies { [Type in xdr.OperationBody["type"]]?: ClassicOperation<BodyOf<Type>> };

/** Null for operations that are not classic or not supported. */
export function classicOperation(
  type: xdr.OperationBody["type"],
): ClassicOperation<xdr.OperationBody> | null {
  const found = Object.entries(OPERATIONS).find(([name]) => name === type);
  // Found by the body's own type, so it is the operation for this body.
  return found ? found[1] : null;
}

export type SorobanBody = BodyOf<"invokeHostFunction" | "extendFootprintTtl" | "restoreFootprint">;

export function isSorobanBody(body: xdr.OperationBody): body is SorobanBody {
  return (
    body.type === "invokeHostFunction" ||
    body.type === "extendFootprintTtl" ||
    body.type === "restoreFootprint"
  );
}

export function isSupported(body: xdr.OperationBody): boolean {
  return isSorobanBody(body) || classicOperation(body.type) !== null;
}

/** A contract call needs the medium threshold, what only prolongs lives the low one. */
export function thresholdOf(body: xdr.OperationBody): Threshold {
  if (body.type === "extendFootprintTtl" || body.type === "restoreFootprint") return "low";
  return classicOperation(body.type)?.threshold(body) ?? "medium";
}
