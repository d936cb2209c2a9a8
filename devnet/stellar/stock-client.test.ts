import { readFileSync } from "node:fs";
import {
  Address,
  Asset,
  contract,
  Keypair,
  nativeToScVal,
  Operation,
  rpc,
  scValToNative,
  TransactionBuilder,
  xdr,
} from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStellarDevnet, type StellarDevnet } from "./start.ts";

const { GetTransactionStatus: Status } = rpc.Api;
const WASM = readFileSync(new URL("../../contracts/stellar/receiver.wasm", import.meta.url));

let devnet: StellarDevnet;
let server: rpc.Server;
let receiver: string;
const [issuer, treasury, agent] = [Keypair.random(), Keypair.random(), Keypair.random()];
const usdc = new Asset("USDC", issuer.publicKey());

beforeAll(async () => {
  devnet = await startStellarDevnet({ closeEveryMs: "instant" });
  server = new rpc.Server(devnet.url, { allowHttp: true });
  for (const one of [issuer, treasury, agent]) await server.requestAirdrop(one.publicKey());
  await send(agent, Operation.changeTrust({ asset: usdc }));
  await send(treasury, Operation.changeTrust({ asset: usdc }));
  await send(issuer, payment(agent, usdc, "500"));
  for (const asset of [usdc, Asset.native()]) {
    const created = await send(issuer, Operation.createStellarAssetContract({ asset }));
    const contractId = scValToNative(value(created)) as string;
    if (contractId !== asset.contractId(devnet.passphrase)) throw new Error("another contract id");
  }
  const uploaded = await send(issuer, Operation.uploadContractWasm({ wasm: WASM }));
  const created = await send(
    issuer,
    Operation.createCustomContract({
      address: Address.fromString(issuer.publicKey()),
      wasmHash: scValToNative(value(uploaded)) as Uint8Array,
      constructorArgs: [treasury.publicKey(), ...assetContracts()].map(address),
    }),
  );
  receiver = scValToNative(value(created)) as string;
});

afterAll(() => devnet.close());

test("an airdrop gives 10,000 XLM once", async () => {
  const fresh = Keypair.random().publicKey();
  const account = await server.requestAirdrop(fresh);
  expect((await server.getAccountEntry(fresh)).balance).toBe(100_000_000_000n);
  expect((await server.getAccount(fresh)).sequenceNumber()).toBe(account.sequenceNumber());
  const again = await server.requestAirdrop(fresh);
  expect(again.sequenceNumber()).toBe(account.sequenceNumber());
  const funded = await server.fundAddress(Keypair.random().publicKey());
  expect(funded.status).toBe("SUCCESS");
});

test("contracts can be funded as well", async () => {
  const held = async () => {
    const { balanceEntry } = await server.getAssetBalance(
      receiver,
      Asset.native(),
      devnet.passphrase,
    );
    return BigInt(balanceEntry?.amount ?? 0);
  };
  const before = await held();
  expect((await server.fundAddress(receiver)).status).toBe("SUCCESS");
  expect(await held()).toBe(before + 100_000_000_000n);
  const nobody = Asset.native().contractId("another network");
  await expect(server.fundAddress(nobody)).rejects.toThrow("no contract");
});

test("the receiver takes USDC and XLM and tells of it in its own event", async () => {
  const paidUsdc = await pay("pay_usdc", 25_0000000n, "ord_1");
  await pay("pay_xlm", 100_0000000n, "ord_2");
  const { events } = await server.getEvents({
    startLedger: paidUsdc.ledger,
    filters: [{ type: "contract", contractIds: [receiver] }],
  });
  expect(events.map((one) => [...one.topic.map(native), native(one.value)])).toEqual([
    ["pay_usdc", "ord_1", agent.publicKey(), 25_0000000n],
    ["pay_xlm", "ord_2", agent.publicKey(), 100_0000000n],
  ]);
  // The transfer of the asset contract comes first, as event 0.
  expect(events[0]?.id).toMatch(/-0000000001$/);
  expect(paidUsdc.events.contractEventsXdr[0]).toHaveLength(2);
});

test("anybody can sweep, and only the treasury gets it", async () => {
  await pay("pay_usdc", 7n, "ord_sweep");
  const before = await balance(treasury);
  const held = BigInt(
    (await server.getAssetBalance(receiver, usdc, devnet.passphrase)).balanceEntry?.amount ?? 0,
  );
  const [usdcContract] = assetContracts();
  await send(issuer, call("sweep", [address(usdcContract ?? "")]));
  expect(held).toBeGreaterThanOrEqual(7n);
  expect(await balance(treasury)).toBe(before + held);
});

test("errors of the contract and of the asset contract come back from the simulation", async () => {
  await expect(pay("pay_usdc", 0n, "ord_3")).rejects.toThrow(/Error\(Contract, #1\)/);
  await expect(pay("pay_usdc", 5n, "")).rejects.toThrow(/Error\(Contract, #2\)/);
  await expect(pay("pay_usdc", 10_000_0000000n, "ord_4")).rejects.toThrow(/Error\(Contract, #10\)/);
});

test("a call that fails when applied is FAILED with diagnostics, and costs less than it offered", async () => {
  const transaction = await prepare(agent, payCall("pay_usdc", 400_0000000n, "ord_5"));
  const rival = payment(issuer, usdc, "300");
  await send(agent, rival);
  const late = await rebuild(transaction);
  const sent = await server.sendTransaction(late);
  expect(sent.status).toBe("PENDING");
  const done = await server.pollTransaction(sent.hash, POLL);
  if (done.status !== Status.FAILED) throw new Error(`${done.status} instead of FAILED`);
  const result = done.resultXdr.result;
  const [operation] = result.type === "txFailed" ? result.results : [];
  const tr = operation?.type === "opInner" ? operation.tr : null;
  expect(tr?.value.type).toBe("invokeHostFunctionTrapped");
  expect(done.diagnosticEventsXdr?.length).toBeGreaterThan(0);
  expect(done.resultXdr.feeCharged).toBeLessThan(BigInt(late.fee));
  await send(issuer, payment(agent, usdc, "300"));
});

test("the generated client reads, calls and signs", async () => {
  const client = await contract.Client.from({
    contractId: receiver,
    rpcUrl: devnet.url,
    allowHttp: true,
    networkPassphrase: devnet.passphrase,
    publicKey: agent.publicKey(),
    ...contract.basicNodeSigner(agent, devnet.passphrase),
  });
  const methods = client as unknown as Record<
    string,
    (args?: object) => Promise<contract.AssembledTransaction<unknown>>
  >;
  const read = await methods["treasury"]?.();
  expect(read?.result).toBe(treasury.publicKey());
  const order = { from: agent.publicKey(), amount: 3n, order_id: Buffer.from("ord_client") };
  const assembled = await methods["pay_xlm"]?.(order);
  const sent = await assembled?.signAndSend();
  expect(sent?.getTransactionResponse?.status).toBe("SUCCESS");
});

test("what was refunded by payment is back, and tells of itself as a transfer", async () => {
  const before = await balance(agent);
  await send(issuer, payment(treasury, usdc, "25"));
  const refund = await send(treasury, payment(agent, usdc, "25"));
  expect(await balance(agent)).toBe(before + 25_0000000n);
  const { events } = await server.getEvents({ startLedger: refund.ledger, filters: [] });
  const [contractId] = assetContracts();
  const transfer = events.find((one) => native(one.topic[0]) === "transfer");
  expect(transfer?.contractId?.contractId()).toBe(contractId);
  expect(transfer?.topic.map(native)).toEqual([
    "transfer",
    treasury.publicKey(),
    agent.publicKey(),
    `USDC:${issuer.publicKey()}`,
  ]);
});

test("the fee that was taken is the fee that the events tell", async () => {
  const paid = await pay("pay_xlm", 5n, "ord_fee");
  const fees = paid.events.transactionEventsXdr.map(({ event }) => native(event.body.v0.data));
  const [taken = 0n, returned = 0n] = fees as bigint[];
  expect(returned).toBeLessThan(0n);
  expect(paid.resultXdr.feeCharged).toBe(taken + returned);
  const meta = paid.resultMetaXdr.type === "v4" ? paid.resultMetaXdr.v4.sorobanMeta : null;
  const charged = meta?.ext.type === "v1" ? meta.ext.v1 : null;
  const inclusion = 100n;
  const { totalNonRefundableResourceFeeCharged: fixed = 0n } = charged ?? {};
  const { totalRefundableResourceFeeCharged: used = 0n } = charged ?? {};
  expect(paid.resultXdr.feeCharged).toBe(inclusion + fixed + used);
});

test("every answer decodes: ledgers, transactions, statistics, versions", async () => {
  const latest = await server.getLatestLedger();
  expect(latest.headerXdr.ledgerSeq).toBe(latest.sequence);
  const { oldestLedger } = await server.getHealth();
  const ledgers = await server.getLedgers({ startLedger: oldestLedger, pagination: { limit: 50 } });
  const linked: boolean[] = [];
  for (const [index, ledger] of ledgers.ledgers.entries()) {
    const previous = ledgers.ledgers[index - 1];
    const { previousLedgerHash } = ledger.headerXdr.header;
    linked.push(
      !previous || Buffer.from(previousLedgerHash.value).toString("hex") === previous.hash,
    );
  }
  expect(linked.length).toBeGreaterThan(10);
  expect(linked).not.toContain(false);
  const all = await server.getTransactions({
    startLedger: oldestLedger,
    pagination: { limit: 100 },
  });
  const first = await server.getTransactions({
    startLedger: oldestLedger,
    pagination: { limit: 3 },
  });
  const rest = await server.getTransactions({ pagination: { cursor: first.cursor, limit: 100 } });
  expect([...first.transactions, ...rest.transactions].map((one) => one.txHash)).toEqual(
    all.transactions.map((one) => one.txHash),
  );
  expect(Number((await server.getFeeStats()).sorobanInclusionFee.transactionCount)).toBeGreaterThan(
    0,
  );
  expect((await server.getVersionInfo()).protocolVersion).toBe(27);
  expect((await server.getNetwork()).passphrase).toBe(devnet.passphrase);
});

test("fifty contract payments fit into one ledger", async () => {
  const agents = Array.from({ length: 50 }, () => Keypair.random());
  for (const one of agents) await server.requestAirdrop(one.publicKey());
  const prepared = await Promise.all(
    agents.map(async (one) => {
      const operation = call("pay_xlm", [
        address(one.publicKey()),
        nativeToScVal(10n, { type: "i128" }),
        nativeToScVal(Buffer.from("many"), { type: "bytes" }),
      ]);
      const transaction = await prepare(one, operation);
      transaction.sign(one);
      return transaction.toEnvelope().toXdr("base64");
    }),
  );
  for (const text of prepared) expect(devnet.chain.submit(text).status).toBe("PENDING");
  const ledger = devnet.chain.closeLedger();
  expect(ledger.transactions).toHaveLength(50);
  expect(ledger.transactions.every((one) => one.successful)).toBe(true);
});

const POLL = { attempts: 200, sleepStrategy: () => 10 };

async function send(
  signer: Keypair,
  operation: xdr.Operation,
): Promise<rpc.Api.GetSuccessfulTransactionResponse> {
  const transaction = await prepare(signer, operation);
  transaction.sign(signer);
  const sent = await server.sendTransaction(transaction);
  if (sent.status !== "PENDING") throw new Error(JSON.stringify(sent));
  const done = await server.pollTransaction(sent.hash, POLL);
  if (done.status === Status.SUCCESS) return done;
  throw new Error(`${done.status} ${JSON.stringify("resultXdr" in done && done.resultXdr)}`);
}

async function prepare(signer: Keypair, operation: xdr.Operation) {
  const account = await server.getAccount(signer.publicKey());
  const transaction = new TransactionBuilder(account, {
    fee: "100",
    networkPassphrase: devnet.passphrase,
  })
    .addOperation(operation)
    .setTimeout(60)
    .build();
  const isCall = operation.body.type === "invokeHostFunction";
  return isCall ? server.prepareTransaction(transaction) : transaction;
}

/** The same call with today's sequence number, without asking whether it would still succeed. */
async function rebuild(old: Awaited<ReturnType<typeof prepare>>) {
  const envelope = old.toEnvelope();
  if (envelope.type !== "envelopeTypeTx") throw new Error("not a plain transaction");
  const { tx } = envelope.v1;
  const account = await server.getAccountEntry(agent.publicKey());
  const next = new xdr.Transaction(Object.assign({}, tx, { seqNum: account.seqNum + 1n }));
  const v1 = new xdr.TransactionV1Envelope({ tx: next, signatures: [] });
  const text = xdr.TransactionEnvelope.envelopeTypeTx(v1).toXdr("base64");
  const transaction = TransactionBuilder.fromXdr(text, devnet.passphrase);
  if ("innerTransaction" in transaction) throw new Error("not a plain transaction");
  transaction.sign(agent);
  return transaction;
}

function pay(method: "pay_usdc" | "pay_xlm", amount: bigint, order: string) {
  return send(agent, payCall(method, amount, order));
}

function payCall(method: "pay_usdc" | "pay_xlm", amount: bigint, order: string) {
  return call(method, [
    address(agent.publicKey()),
    nativeToScVal(amount, { type: "i128" }),
    nativeToScVal(Buffer.from(order), { type: "bytes" }),
  ]);
}

function call(method: string, args: xdr.ScVal[]) {
  return Operation.invokeContractFunction({ contract: receiver, function: method, args });
}

function payment(to: Keypair, asset: Asset, amount: string) {
  return Operation.payment({ destination: to.publicKey(), asset, amount });
}

function assetContracts(): string[] {
  return [usdc, Asset.native()].map((asset) => asset.contractId(devnet.passphrase));
}

function address(text: string): xdr.ScVal {
  return nativeToScVal(text, { type: "address" });
}

function value(done: rpc.Api.GetSuccessfulTransactionResponse): xdr.ScVal {
  if (!done.returnValue) throw new Error("nothing was returned");
  return done.returnValue;
}

async function balance(of: Keypair): Promise<bigint> {
  const { balanceEntry } = await server.getAssetBalance(of.publicKey(), usdc, devnet.passphrase);
  return BigInt(balanceEntry?.amount ?? 0);
}

/** Bytes are order ids here: text. */
function native(of: xdr.ScVal | undefined): unknown {
  const plain: unknown = of && scValToNative(of);
  return plain instanceof Uint8Array ? Buffer.from(plain).toString() : plain;
}
