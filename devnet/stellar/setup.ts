import { createHash } from "node:crypto";
import {
  Account,
  Asset,
  Contract,
  Keypair,
  nativeToScVal,
  Operation,
  rpc,
  scValToNative,
  TransactionBuilder,
  xdr,
} from "@stellar/stellar-sdk";
import type { StellarChain } from "./chain.ts";
import { FRIENDBOT_XLM, fundAccounts } from "./friendbot.ts";
import type { TransactionRecord } from "./history/records.ts";
import { loadAccount } from "./ledger/accounts.ts";
import { isSorobanBody } from "./operations/index.ts";
import { simulateTransaction } from "./rpc/simulate-transaction.ts";

/** An asset of the local network that anybody can be given. */
export interface TestAsset {
  readonly asset: Asset;
  readonly issuer: Keypair;
  /** Of the asset, C... */
  readonly contractId: string;
  /** Of XLM, C... */
  readonly nativeContractId: string;
}

/**
 * An issuer, its asset, and the asset contracts of both it and XLM. Doing it again changes nothing: the
 * issuer's key follows from passphrase and code, so everybody on the network can know it.
 */
export function createTestAsset(chain: StellarChain, code = "USDC"): TestAsset {
  const seed = createHash("sha256").update(`${code} issuer of ${chain.passphrase}`).digest();
  const issuer = Keypair.fromRawEd25519Seed(seed);
  const asset = new Asset(code, issuer.publicKey());
  fundAccounts(chain, [issuer.publicKey()]);
  const contractId = deployAssetContract(chain, issuer, asset);
  const nativeContractId = deployAssetContract(chain, issuer, Asset.native());
  return { asset, issuer, contractId, nativeContractId };
}

/** Pays out of the issuer's hand to an account that trusts the asset; `amount` in units, "12.5". */
export function giveTestAsset(
  chain: StellarChain,
  { asset, issuer }: TestAsset,
  destination: string,
  amount: string,
): TransactionRecord {
  return runOperation(chain, issuer, Operation.payment({ destination, asset, amount }));
}

/** Gives 10,000 XLM to a contract, by way of the asset contract of XLM. */
export function fundContract(chain: StellarChain, contractId: string): TransactionRecord {
  const native = deployAssetContract(chain, chain.root, Asset.native());
  const args = [
    nativeToScVal(chain.root.publicKey(), { type: "address" }),
    nativeToScVal(contractId, { type: "address" }),
    nativeToScVal(BigInt(FRIENDBOT_XLM) * 10_000_000n, { type: "i128" }),
  ];
  const transfer = { contract: native, function: "transfer", args };
  return runOperation(chain, chain.root, Operation.invokeContractFunction(transfer));
}

/** The contract of an asset, created if it is not there yet. */
function deployAssetContract(chain: StellarChain, signer: Keypair, asset: Asset): string {
  const contractId = asset.contractId(chain.passphrase);
  if (!contractExists(chain, contractId)) {
    runOperation(chain, signer, Operation.createStellarAssetContract({ asset }));
  }
  return contractId;
}

export function contractExists(chain: StellarChain, contractId: string): boolean {
  return chain.state.get(new Contract(contractId).getFootprint().toXdr("base64")) !== null;
}

/** Uploads contract code; returns its hash in hex. */
export function uploadContract(chain: StellarChain, signer: Keypair, wasm: Uint8Array): string {
  const record = runOperation(
    chain,
    signer,
    Operation.uploadContractWasm({ wasm: Buffer.from(wasm) }),
  );
  return Buffer.from(scValToNative(returnValue(record)) as Uint8Array).toString("hex");
}

/**
 * One operation in a ledger of its own, without HTTP. What waits in the queue is not touched.
 *
 * @throws if the simulation or the transaction fails
 */
export function runOperation(
  chain: StellarChain,
  signer: Keypair,
  operation: xdr.Operation,
): TransactionRecord {
  const [record] = chain.closeLedgerWith(signedEnvelope(chain, signer, operation)).transactions;
  if (!record?.successful) throw new Error(`${operation.body.type} failed: ${record?.result}`);
  return record;
}

/**
 * An envelope with one operation, simulated if it is a contract call, and signed; base64.
 *
 * @throws if the signer has no account, or the simulation fails
 */
export function signedEnvelope(
  chain: StellarChain,
  signer: Keypair,
  operation: xdr.Operation,
): string {
  const account = loadAccount(chain.state, signer.xdrAccountId());
  if (!account) throw new Error(`account ${signer.publicKey()} does not exist`);
  const fee = String(chain.settings.baseFeeStroops);
  const source = new Account(signer.publicKey(), String(account.seqNum));
  const built = new TransactionBuilder(source, { fee, networkPassphrase: chain.passphrase })
    .addOperation(operation)
    .setTimeout(0)
    .build();
  const transaction = isSorobanBody(operation.body) ? simulated(chain, built) : built;
  transaction.sign(signer);
  return transaction.toEnvelope().toXdr("base64");
}

type Transaction = ReturnType<TransactionBuilder["build"]>;

function simulated(chain: StellarChain, transaction: Transaction): Transaction {
  const context = { chain, friendbotUrl: null, retentionLedgers: 0 };
  const params = { transaction: transaction.toEnvelope().toXdr("base64") };
  const simulation = simulateTransaction(context, params) as rpc.Api.RawSimulateTransactionResponse;
  if (simulation.error !== undefined) throw new Error(simulation.error);
  return rpc.assembleTransaction(transaction, { ...simulation, id: "1" }).build();
}

/** What a contract call returned. @throws if the transaction was no contract call */
export function returnValue(record: TransactionRecord): xdr.ScVal {
  const meta = xdr.TransactionMeta.fromXdr(record.meta, "base64");
  const value = meta.type === "v4" ? meta.v4.sorobanMeta?.returnValue : null;
  if (!value) throw new Error(`transaction ${record.hash} returned nothing`);
  return value;
}
