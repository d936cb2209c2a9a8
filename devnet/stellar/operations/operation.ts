import { xdr } from "@stellar/stellar-sdk";
import type { AssetEvents } from "./asset-events.ts";
import type { LedgerContext } from "../ledger/accounts.ts";
import type { LedgerState } from "../ledger/state.ts";

/** Which of the source account's three thresholds the signatures must reach. */
export type Threshold = "low" | "medium" | "high";

export type BodyOf<Type extends xdr.OperationBody["type"]> = Extract<
  xdr.OperationBody,
  { type: Type }
>;

export interface OperationContext {
  readonly state: LedgerState;
  readonly ledger: LedgerContext;
  /** The operation's own source if it has one, else the transaction's. It exists. */
  readonly source: xdr.PublicKey;
  readonly memo: xdr.Memo;
  readonly assetEvents: AssetEvents;
}

export interface OperationOutcome {
  readonly ok: boolean;
  readonly result: xdr.OperationResult;
  readonly events: readonly xdr.ContractEvent[];
}

/** One classic operation. The rules are those of stellar-core's OpFrame of the same name. */
export interface ClassicOperation<Body> {
  threshold(body: Body): Threshold;
  /** The result of a body that no ledger could accept, or null. */
  malformed(body: Body, source: xdr.PublicKey): xdr.OperationResult | null;
  /** May leave changes behind when it fails: the caller rolls back. */
  apply(context: OperationContext, body: Body): OperationOutcome;
}

export function succeeded(
  result: xdr.OperationResultTr,
  events: readonly xdr.ContractEvent[] = [],
): OperationOutcome {
  return { ok: true, result: xdr.OperationResult.opInner(result), events };
}

export function failed(result: xdr.OperationResultTr): OperationOutcome {
  return { ok: false, result: xdr.OperationResult.opInner(result), events: [] };
}

/** A failure that is not the operation's own, such as opTOO_MANY_SUBENTRIES. */
export function refused(result: xdr.OperationResult): OperationOutcome {
  return { ok: false, result, events: [] };
}
