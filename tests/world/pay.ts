/** Pays an order as any Stellar wallet would: with the stock client, knowing nothing of this project. */
import {
  BASE_FEE,
  type Keypair,
  nativeToScVal,
  Operation,
  rpc,
  type Transaction,
  TransactionBuilder,
} from "@stellar/stellar-sdk";
import { VALID_S, type Network } from "./network.ts";

/** What an order's answer says about paying it. */
export interface PaymentTerms {
  readonly contract_id: string;
  readonly order_id: string;
  readonly usdc: { readonly amount: string };
  readonly xlm?: { readonly amount: string };
}

/** 10⁷ base units of either asset. */
export function stroops(amount: string): bigint {
  const [whole = "0", fraction = ""] = amount.split(".");
  return BigInt(whole + fraction.padEnd(7, "0"));
}

export interface PaymentChoice {
  readonly asset?: "usdc" | "xlm";
  /** @default the quoted amount */
  readonly amountAtomic?: bigint;
}

/** The contract call, simulated and signed but not sent. */
export async function signPayment(
  network: Network,
  payer: Keypair,
  terms: PaymentTerms,
  choice: PaymentChoice = {},
): Promise<Transaction> {
  const { devnet } = network;
  const asset = choice.asset ?? "usdc";
  const quoted = asset === "usdc" ? terms.usdc.amount : terms.xlm?.amount;
  if (quoted === undefined) throw new Error(`the order is not quoted in ${asset}`);
  const server = new rpc.Server(devnet.url, { allowHttp: true });
  const account = await server.getAccount(payer.publicKey());
  const call = Operation.invokeContractFunction({
    contract: terms.contract_id,
    function: `pay_${asset}`,
    args: [
      nativeToScVal(payer.publicKey(), { type: "address" }),
      nativeToScVal(choice.amountAtomic ?? stroops(quoted), { type: "i128" }),
      nativeToScVal(Buffer.from(terms.order_id), { type: "bytes" }),
    ],
  });
  const draft = new TransactionBuilder(account, {
    fee: BASE_FEE,
    networkPassphrase: devnet.passphrase,
  })
    .addOperation(call)
    .setTimeout(VALID_S)
    .build();
  const prepared = await server.prepareTransaction(draft);
  prepared.sign(payer);
  return prepared;
}

/** Signs and sends the contract call; resolves with its hash as soon as the network has taken it. */
export async function sendPayment(
  network: Network,
  payer: Keypair,
  terms: PaymentTerms,
  choice: PaymentChoice = {},
): Promise<string> {
  const signed = await signPayment(network, payer, terms, choice);
  return submitPayment(network, signed);
}

export async function submitPayment(network: Network, signed: Transaction): Promise<string> {
  const server = new rpc.Server(network.devnet.url, { allowHttp: true });
  const sent = await server.sendTransaction(signed);
  if (sent.status !== "PENDING") throw new Error(`not taken: ${sent.status}`);
  return sent.hash;
}
