import { PaymentFailedError } from "./errors.ts";

/** Errors of the asset contract (stellar/rs-soroban-env, contract_error.rs) that a payer can do something about. */
const ASSET_CONTRACT_ERRORS: Readonly<Record<number, readonly [reason: string, advice: string]>> = {
  6: ["account_missing", "create the paying account by sending it a few XLM."],
  8: ["negative_amount", "ask the shop's operator; the price it offered is not payable."],
  10: ["insufficient_balance", "send more of the asset to the wallet, then call again."],
  11: ["trustline_deauthorized", "the issuer has frozen the wallet's trustline; ask the issuer."],
  13: ["missing_trustline", "add a trustline for the asset to the wallet, then call again."],
};

/** Errors of the shop's receiver contract. */
const RECEIVER_ERRORS = "the shop's contract refused the call; ask the shop's operator.";

/** Transaction result codes (Stellar-transaction.x). */
const TRANSACTION_CODES: Readonly<Record<number, string>> = {
  1: "txFEE_BUMP_INNER_SUCCESS",
  0: "txSUCCESS",
  [-1]: "txFAILED",
  [-2]: "txTOO_EARLY",
  [-3]: "txTOO_LATE",
  [-4]: "txMISSING_OPERATION",
  [-5]: "txBAD_SEQ",
  [-6]: "txBAD_AUTH",
  [-7]: "txINSUFFICIENT_BALANCE",
  [-8]: "txNO_ACCOUNT",
  [-9]: "txINSUFFICIENT_FEE",
  [-10]: "txBAD_AUTH_EXTRA",
  [-11]: "txINTERNAL_ERROR",
  [-12]: "txNOT_SUPPORTED",
  [-13]: "txFEE_BUMP_INNER_FAILED",
  [-14]: "txBAD_SPONSORSHIP",
  [-15]: "txBAD_MIN_SEQ_AGE_OR_GAP",
  [-16]: "txMALFORMED",
  [-17]: "txSOROBAN_INVALID",
};

/** Result codes of InvokeHostFunction (Stellar-transaction.x). */
const INVOKE_CODES: Readonly<Record<number, string>> = {
  [-1]: "malformed_call",
  [-2]: "contract_trapped",
  [-3]: "resource_limit_exceeded",
  [-4]: "archived_entry",
  [-5]: "insufficient_refundable_fee",
};

const INVOKE_HOST_FUNCTION = 24;

/** Name of a TransactionResult (base64): "txBAD_SEQ", or of its only operation: "contract_trapped". */
export function resultName(resultXdr: string | null): string {
  if (resultXdr === null) return "unknown_result";
  const bytes = Buffer.from(resultXdr, "base64");
  if (bytes.length < 12) return "unknown_result";
  // feeCharged (8 bytes), code; of txFAILED: count, operation result, operation type, its code.
  const code = bytes.readInt32BE(8);
  if (
    code === -1 &&
    bytes.length >= 28 &&
    bytes.readInt32BE(16) === 0 &&
    bytes.readInt32BE(20) === INVOKE_HOST_FUNCTION
  )
    return INVOKE_CODES[bytes.readInt32BE(24)] ?? "txFAILED";
  return TRANSACTION_CODES[code] ?? `transaction_result_${String(code)}`;
}

// ScVal: symbol (15) "error", then error (2) of type contract (0); its code follows.
const CONTRACT_ERROR = Buffer.from("0000000f000000056572726f720000000000000200000000", "hex");

/** Code of the contract error that diagnostic events (DiagnosticEvent, base64) tell of; null when they do not. */
export function contractErrorIn(diagnosticEventsXdr: readonly string[]): number | null {
  for (const event of diagnosticEventsXdr) {
    const bytes = Buffer.from(event, "base64");
    const at = bytes.indexOf(CONTRACT_ERROR);
    if (at !== -1 && bytes.length >= at + CONTRACT_ERROR.length + 4)
      return bytes.readUInt32BE(at + CONTRACT_ERROR.length);
  }
  return null;
}

/** "HostError: Error(Contract, #10) …" */
export function contractErrorInText(text: string): number | null {
  const match = /Error\(Contract, #(\d{1,9})\)/.exec(text);
  return match === null ? null : Number(match[1]);
}

/** What went wrong, as an error with a reason and what to do. */
export function chainFailure(
  what: "simulated" | "rejected" | "failed",
  details: { contractError: number | null; resultName: string; hash: string | null },
): PaymentFailedError {
  const { contractError, hash } = details;
  const known = contractError === null ? undefined : ASSET_CONTRACT_ERRORS[contractError];
  const reason =
    known?.[0] ??
    (contractError === null ? details.resultName : `contract_error_${String(contractError)}`);
  return new PaymentFailedError(reason, {
    message: MESSAGES[what],
    advice:
      known?.[1] ??
      (contractError === null ? ADVICE[details.resultName] : RECEIVER_ERRORS) ??
      DEFAULT_ADVICE,
    hash,
  });
}

const MESSAGES = {
  simulated: "The payment would fail on chain, so it was not signed.",
  rejected: "The network did not take the payment.",
  failed: "The payment failed on chain; only the network fee was spent.",
} as const;

const DEFAULT_ADVICE = "call again with the same idempotency key or order id.";

const ADVICE: Readonly<Record<string, string>> = {
  txINSUFFICIENT_BALANCE: "send a few XLM to the wallet for network fees, then call again.",
  txNO_ACCOUNT: "create the paying account by sending it a few XLM, then call again.",
  txBAD_AUTH:
    "the account needs other or more signatures than this signer gives; use a signer that suffices.",
  archived_entry: "the shop's contract is archived; ask the shop's operator to restore it.",
};
