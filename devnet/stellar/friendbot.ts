import { Account, Keypair, Operation, StrKey, TransactionBuilder } from "@stellar/stellar-sdk";
import type { StellarChain } from "./chain.ts";
import type { TransactionRecord } from "./history/records.ts";
import { loadAccount } from "./ledger/accounts.ts";

/** What friendbot gives, in XLM. */
export const FRIENDBOT_XLM = "10000";

/** At most this many accounts are created in one transaction. */
const MAX_PER_TRANSACTION = 100;

/** Do these accounts exist? Addresses are G... */
export function accountExists(chain: StellarChain, address: string): boolean {
  return loadAccount(chain.state, Keypair.fromPublicKey(address).xdrAccountId()) !== null;
}

/**
 * Creates accounts with 10,000 XLM each, in a ledger of their own: what waits in the queue is not
 * touched. Existing accounts are left out. Null if there was nothing to do.
 *
 * @throws if an address is no G... address, or the root has nothing left
 */
export function fundAccounts(
  chain: StellarChain,
  addresses: readonly string[],
  startingXlm: string = FRIENDBOT_XLM,
): TransactionRecord | null {
  const invalid = addresses.find((address) => !StrKey.isValidEd25519PublicKey(address));
  if (invalid !== undefined) throw new Error(`not an account address: ${invalid}`);
  const missing = [...new Set(addresses)].filter((address) => !accountExists(chain, address));
  let last: TransactionRecord | null = null;
  for (let from = 0; from < missing.length; from += MAX_PER_TRANSACTION) {
    last = createAccounts(chain, missing.slice(from, from + MAX_PER_TRANSACTION), startingXlm);
  }
  return last;
}

function createAccounts(
  chain: StellarChain,
  addresses: readonly string[],
  startingBalance: string,
): TransactionRecord {
  const { root } = chain;
  const entry = loadAccount(chain.state, root.xdrAccountId());
  if (!entry) throw new Error("the root account is gone");
  const source = new Account(root.publicKey(), String(entry.seqNum));
  const fee = String(chain.settings.baseFeeStroops);
  const builder = new TransactionBuilder(source, { fee, networkPassphrase: chain.passphrase });
  for (const destination of addresses) {
    builder.addOperation(Operation.createAccount({ destination, startingBalance }));
  }
  const transaction = builder.setTimeout(0).build();
  transaction.sign(root);
  const [record] = chain.closeLedgerWith(transaction.toEnvelope().toXdr("base64")).transactions;
  if (!record?.successful) throw new Error(`friendbot's transaction failed: ${record?.result}`);
  return record;
}
