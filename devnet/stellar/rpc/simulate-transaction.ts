import { randomBytes } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";
import { baseAccount } from "../ledger/entry-key.ts";
import { isSorobanBody, type SorobanBody } from "../operations/index.ts";
import type { SimulateRequest, SimulateResult } from "../soroban-host.ts";
import { countParam, invalidParams, objectParam, type Params, textParam } from "./json-rpc.ts";
import type { RpcMethod } from "./method.ts";
import { refuseJsonFormat } from "./json-rpc.ts";

type AuthMode = SimulateRequest["authMode"];

/** Runs the operation in the next ledger without keeping anything; says what it would need. */
export const simulateTransaction: RpcMethod = ({ chain }, params) => {
  refuseJsonFormat(params);
  const latestLedger = chain.history.latest.sequence;
  const tx = readTransaction(textParam(params, "transaction"));
  if (typeof tx === "string") return { error: tx, latestLedger };
  const [operation] = tx.operations;
  const body = operation?.body;
  if (!operation || tx.operations.length !== 1) {
    return { error: "Transaction contains more than one operation", latestLedger };
  }
  if (!body || !isSorobanBody(body)) {
    const error = `Transaction contains unsupported operation type: ${body?.type}`;
    return { error, latestLedger };
  }
  const fault = referenceFault(tx, operation);
  if (fault) return { error: fault, latestLedger };
  const ledger = chain.nextLedger();
  const result = chain.engine.simulate({
    ledger: { sequence: ledger.sequence, closeTimeS: ledger.closeTimeS },
    operation: body.toXdr("base64"),
    source: baseAccount(operation.sourceAccount ?? tx.sourceAccount).toXdr("base64"),
    transactionData: tx.ext.type === "sorobanData" ? tx.ext.sorobanData.toXdr("base64") : null,
    authMode: readAuthMode(params, body),
    useUpgradedAuth: params["useUpgradedAuth"] === true,
    instructionLeeway: countParam(objectParam(params, "resourceConfig"), "instructionLeeway"),
    seed: randomBytes(32).toString("base64"),
  });
  return { ...simulationInfo(result), latestLedger };
};

/** The transaction, or what is wrong with the text. */
function readTransaction(text: string): xdr.Transaction | string {
  try {
    const envelope = xdr.TransactionEnvelope.fromXdr(text, "base64");
    if (envelope.type === "envelopeTypeTx") return envelope.v1.tx;
    if (envelope.type === "envelopeTypeTxFeeBump") return envelope.feeBump.tx.innerTx.v1.tx;
    return "Transaction envelope is of the old form V0";
  } catch {
    return "Could not unmarshal transaction";
  }
}

/** A contract call can carry no reference for the receiver: no memo, no multiplexed source. */
function referenceFault(
  tx: xdr.Transaction,
  { body, sourceAccount }: xdr.Operation,
): string | null {
  if (body.type !== "invokeHostFunction") return null;
  if (tx.memo.type !== "memoNone") return "Contract calls must not have a memo";
  const sources = [tx.sourceAccount, sourceAccount];
  const isMultiplexed = sources.some((source) => source?.type === "keyTypeMuxedEd25519");
  return isMultiplexed ? "Contract calls must not have a multiplexed source account" : null;
}

/** Without a wish: signed entries are enforced, missing ones are recorded. */
function readAuthMode(params: Params, body: SorobanBody): AuthMode {
  const mode = params["authMode"] ?? "";
  if (mode === "enforce" || mode === "record" || mode === "record_allow_nonroot") return mode;
  if (mode !== "") throw invalidParams(`unknown authMode ${JSON.stringify(mode)}`);
  const signed = body.type === "invokeHostFunction" && body.invokeHostFunctionOp.auth.length > 0;
  return signed ? "enforce" : "record";
}

function simulationInfo(result: SimulateResult): Record<string, unknown> {
  if (!result.ok) return { error: result.error, events: result.diagnosticEvents };
  return {
    transactionData: result.transactionData,
    minResourceFee: result.minResourceFee,
    ...(result.result !== null && { results: [{ auth: result.auth, xdr: result.result }] }),
    ...(result.restorePreamble && { restorePreamble: result.restorePreamble }),
    events: result.diagnosticEvents,
    cost: { cpuInsns: String(result.cpuInstructions), memBytes: String(result.memoryBytes) },
    stateChanges: result.stateChanges.map(({ key, before, after }) => ({
      type: before === null ? "created" : after === null ? "deleted" : "updated",
      key,
      before,
      after,
    })),
  };
}
