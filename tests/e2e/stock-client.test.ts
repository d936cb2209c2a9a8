/**
 * The receiver in the hands of somebody who has never heard of this project: only the stock client, an RPC
 * address and the wasm file.
 */
import { readFileSync } from "node:fs";
import {
  Asset,
  BASE_FEE,
  contract,
  Keypair,
  Operation,
  rpc,
  scValToNative,
  TransactionBuilder,
  type xdr,
} from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStellarDevnet, type StellarDevnet } from "../../devnet/stellar/index.ts";

interface Receiver {
  pay_usdc(payment: Payment): Promise<contract.AssembledTransaction<contract.Result<void>>>;
  pay_xlm(payment: Payment): Promise<contract.AssembledTransaction<contract.Result<void>>>;
  sweep(call: { readonly asset: string }): Promise<contract.AssembledTransaction<bigint>>;
  treasury(): Promise<contract.AssembledTransaction<string>>;
}

interface Payment {
  readonly from: string;
  readonly amount: bigint;
  readonly order_id: Uint8Array;
}

const WASM = readFileSync(new URL("../../contracts/stellar/receiver.wasm", import.meta.url));

let devnet: StellarDevnet;
let server: rpc.Server;
let usdc: Asset;
const [treasury, deployer, payer] = [Keypair.random(), Keypair.random(), Keypair.random()];
let receiverId: string;

beforeAll(async () => {
  devnet = await startStellarDevnet({ closeEveryMs: "instant", testAsset: "USDC" });
  server = new rpc.Server(devnet.url, { allowHttp: true });
  usdc = new Asset("USDC", devnet.testAsset?.issuer.publicKey() ?? "");
  for (const account of [treasury, deployer, payer]) {
    await server.fundAddress(account.publicKey());
    await run(account, Operation.changeTrust({ asset: usdc }));
  }
  await fetch(`${devnet.faucetUrl}?addr=${payer.publicKey()}&amount=100`);
}, 60_000);

afterAll(() => devnet.close());

/** A transaction of one operation, sent and waited for. */
async function run(
  signer: Keypair,
  operation: xdr.Operation,
): Promise<rpc.Api.GetSuccessfulTransactionResponse> {
  const account = await server.getAccount(signer.publicKey());
  const draft = new TransactionBuilder(account, {
    fee: BASE_FEE,
    networkPassphrase: devnet.passphrase,
  })
    .addOperation(operation)
    .setTimeout(60)
    .build();
  const isContractCall = operation.body.type === "invokeHostFunction";
  const transaction = isContractCall ? await server.prepareTransaction(draft) : draft;
  transaction.sign(signer);
  const { hash } = await server.sendTransaction(transaction);
  const end = await server.pollTransaction(hash, { attempts: 200, sleepStrategy: () => 20 });
  if (end.status !== rpc.Api.GetTransactionStatus.SUCCESS)
    throw new Error(`${hash}: ${end.status}`);
  return end;
}

/** The contract's own interface, read from the chain, with somebody who signs. */
function receiverFor(signer: Keypair): Promise<contract.Client & Receiver> {
  return contract.Client.from<Receiver>({
    contractId: receiverId,
    rpcUrl: devnet.url,
    allowHttp: true,
    networkPassphrase: devnet.passphrase,
    publicKey: signer.publicKey(),
    ...contract.basicNodeSigner(signer, devnet.passphrase),
  });
}

/** Symbols and addresses as they are, bytes as the text in them. */
function textOf(value: xdr.ScVal): unknown {
  const native: unknown = scValToNative(value);
  return native instanceof Uint8Array ? new TextDecoder().decode(native) : native;
}

async function usdcOf(address: string): Promise<string | undefined> {
  const { balanceEntry } = await server.getAssetBalance(address, usdc, devnet.passphrase);
  return balanceEntry?.amount;
}

test("the stock client uploads the receiver's code and deploys it with its constructor", async () => {
  const uploaded = await run(deployer, Operation.uploadContractWasm({ wasm: WASM }));
  const wasmHash = scValToNative(uploaded.returnValue as xdr.ScVal) as Uint8Array;
  const deployment = await contract.Client.deploy<contract.Client & Receiver>(
    {
      treasury: treasury.publicKey(),
      usdc: usdc.contractId(devnet.passphrase),
      xlm: Asset.native().contractId(devnet.passphrase),
    },
    {
      wasmHash,
      rpcUrl: devnet.url,
      allowHttp: true,
      networkPassphrase: devnet.passphrase,
      publicKey: deployer.publicKey(),
      ...contract.basicNodeSigner(deployer, devnet.passphrase),
    },
  );
  const { result: client } = await deployment.signAndSend();
  receiverId = client.options.contractId;
  expect((await client.treasury()).result).toBe(treasury.publicKey());
}, 30_000);

test("the stock client pays in both assets and reads the payments as events", async () => {
  const startLedger = (await server.getLatestLedger()).sequence;
  const receiver = await receiverFor(payer);
  const from = payer.publicKey();
  const orderId = new TextEncoder().encode("ord_of_a_stranger");
  const inUsdc = await receiver.pay_usdc({ from, amount: 250_000_000n, order_id: orderId });
  await inUsdc.signAndSend();
  const inXlm = await receiver.pay_xlm({ from, amount: 7n, order_id: orderId });
  await inXlm.signAndSend();

  const { events } = await server.getEvents({
    startLedger,
    filters: [{ type: "contract", contractIds: [receiverId] }],
  });
  const read = events.map(({ topic, value }) => ({
    topics: topic.map(textOf),
    amount: scValToNative(value) as unknown,
  }));
  expect(read).toEqual([
    { topics: ["pay_usdc", "ord_of_a_stranger", from], amount: 250_000_000n },
    { topics: ["pay_xlm", "ord_of_a_stranger", from], amount: 7n },
  ]);
  expect(await usdcOf(receiverId)).toBe("250000000");
  expect(await usdcOf(from)).toBe("750000000");
}, 30_000);

test("the receiver's refusals reach the stock client by their names", async () => {
  const receiver = await receiverFor(payer);
  const from = payer.publicKey();
  const free = await receiver.pay_usdc({ from, amount: 0n, order_id: new Uint8Array([1]) });
  expect(free.result.isErr()).toBe(true);
  expect(free.result.unwrapErr().message).toBe("The amount is zero or negative.");
}, 30_000);

test("anybody sweeps the receiver, and the money is the treasury's", async () => {
  const stranger = await receiverFor(deployer);
  const sweep = await stranger.sweep({ asset: usdc.contractId(devnet.passphrase) });
  expect((await sweep.signAndSend()).result).toBe(250_000_000n);
  expect(await usdcOf(treasury.publicKey())).toBe("250000000");
  expect(await usdcOf(receiverId)).toBe("0");
}, 30_000);
