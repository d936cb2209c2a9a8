/** What is remembered of an applied transaction: what an RPC server answers from. XDR is base64. */
export interface TransactionRecord {
  readonly hash: string;
  /** Hash of the transaction inside a fee bump, else null; either finds the record. */
  readonly innerHash: string | null;
  readonly ledger: number;
  readonly closeTimeS: number;
  /** Position in the ledger, from 1. */
  readonly applicationOrder: number;
  readonly successful: boolean;
  readonly soroban: boolean;
  readonly inclusionFeeStroops: number;
  readonly envelope: string; // TransactionEnvelope
  readonly result: string; // TransactionResult
  readonly meta: string; // TransactionMeta, V4
  readonly diagnosticEvents: readonly string[]; // DiagnosticEvent
  readonly operationEvents: readonly (readonly string[])[]; // ContractEvent
  readonly transactionEvents: readonly string[]; // TransactionEvent
}

/** One event as getEvents tells it. `id` is the cursor and sorts as text. */
export interface EventRecord {
  readonly id: string;
  readonly type: "contract" | "system";
  readonly ledger: number;
  readonly closeTimeS: number;
  readonly contractId: string; // C..., empty if none
  readonly txHash: string;
  readonly transactionIndex: number;
  readonly operationIndex: number;
  readonly successful: boolean;
  readonly topics: readonly string[]; // ScVal
  readonly value: string; // ScVal
}

export interface LedgerRecord {
  readonly sequence: number;
  readonly closeTimeS: number;
  readonly hash: string; // hex
  readonly previousHash: string; // hex
  readonly feePoolStroops: bigint;
  readonly transactions: readonly TransactionRecord[];
  /** In the order of their ids. */
  readonly events: readonly EventRecord[];
}
