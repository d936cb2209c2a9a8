import { contractAddress, concat, string, uint32 } from "./xdr.ts";

/** The contract call a payer signs. */
export interface PayCall {
  readonly contractId: string;
  readonly functionName: "pay_usdc" | "pay_xlm";
  /** Contract of the asset that must be moved. */
  readonly assetContractId: string;
  /** XDR of the arguments as ScVal. */
  readonly payer: Uint8Array;
  readonly amount: Uint8Array;
  readonly orderId: Uint8Array;
}

/**
 * Whether the authorization that the simulation recorded is exactly: this call, and inside it one `transfer` of this amount
 * of this asset from the payer, to whomever the contract pays. Anything else is what a contract does that takes more
 * than was agreed, so it must not be signed.
 *
 * Source: SorobanAuthorizationEntry in Stellar-transaction.x.
 *
 * @param entries SorobanAuthorizationEntry, base64
 */
export function authorizesOnlyPayment(entries: readonly unknown[], call: PayCall): boolean {
  const [entry] = entries;
  if (entries.length !== 1 || typeof entry !== "string") return false;
  const bytes = Buffer.from(entry, "base64");
  const before = concat(
    uint32(SOURCE_ACCOUNT_CREDENTIALS),
    invocation(call.contractId, call.functionName, 3),
    call.payer,
    call.amount,
    call.orderId,
    uint32(1), // One invocation inside.
    invocation(call.assetContractId, "transfer", 3),
    call.payer,
  );
  const recipientBytes = addressBytes(bytes.subarray(before.length));
  const after = concat(call.amount, uint32(0)); // No invocation inside the transfer.
  return (
    recipientBytes !== null &&
    bytes.length === before.length + recipientBytes + after.length &&
    bytes.subarray(0, before.length).equals(before) &&
    bytes.subarray(-after.length).equals(after)
  );
}

const SOURCE_ACCOUNT_CREDENTIALS = 0;
const CONTRACT_FUNCTION = 0;
const SCV_ADDRESS = 18;

function invocation(contractId: string, functionName: string, argumentCount: number): Uint8Array {
  return concat(
    uint32(CONTRACT_FUNCTION),
    contractAddress(contractId),
    string(functionName),
    uint32(argumentCount),
  );
}

/** Size of the ScVal of an account's or contract's address that starts here; null when it is another value. */
function addressBytes(bytes: Buffer): number | null {
  if (bytes.length < 8 || bytes.readUInt32BE(0) !== SCV_ADDRESS) return null;
  const type = bytes.readUInt32BE(4);
  if (type === 0) return 44; // Account: value type, address type, key type, 32 bytes.
  return type === 1 ? 40 : null; // Contract: value type, address type, 32 bytes.
}
