import { readFileSync } from "node:fs";
import {
  Address,
  Contract,
  Keypair,
  nativeToScVal,
  Operation,
  rpc,
  scValToNative,
  SorobanDataBuilder,
  TransactionBuilder,
  type xdr,
} from "@stellar/stellar-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  createTestAsset,
  returnValue,
  runOperation,
  type TestAsset,
  uploadContract,
} from "./setup.ts";
import { TESTNET_SETTINGS } from "./settings.ts";
import { startStellarDevnet, type StellarDevnet } from "./start.ts";

const WASM = readFileSync(new URL("../../contracts/stellar/receiver.wasm", import.meta.url));
const LIFE = 40;
const settings = {
  ...TESTNET_SETTINGS,
  soroban: { ...TESTNET_SETTINGS.soroban, minPersistentTtl: LIFE, minTemporaryTtl: 16 },
};

let devnet: StellarDevnet;
let server: rpc.Server;
let asset: TestAsset;
let receiver: string;

beforeEach(async () => {
  devnet = await startStellarDevnet({ closeEveryMs: "instant", settings });
  server = new rpc.Server(devnet.url, { allowHttp: true });
  asset = createTestAsset(devnet.chain);
  const wasmHash = Buffer.from(uploadContract(devnet.chain, asset.issuer, WASM), "hex");
  const create = Operation.createCustomContract({
    address: Address.fromString(asset.issuer.publicKey()),
    wasmHash,
    constructorArgs: [asset.issuer.publicKey(), asset.contractId, asset.nativeContractId].map(
      (text) => nativeToScVal(text, { type: "address" }),
    ),
  });
  receiver = scValToNative(returnValue(runOperation(devnet.chain, asset.issuer, create))) as string;
});

afterEach(() => devnet.close());

test("a contract lives as many ledgers as the network says, the first one included", async () => {
  const born = devnet.chain.history.latest.sequence;
  expect(await liveUntil()).toBe(born + LIFE - 1);
});

test("an extension by transaction is what its footprint lives on", async () => {
  const operation = Operation.extendFootprintTtl({ extendTo: 500 });
  const done = await sendTtl(operation, new SorobanDataBuilder().setReadOnly(contractKeys()));
  expect(await liveUntil()).toBe(done.ledger + 500);
});

test("an archived contract is brought back by a restore", async () => {
  devnet.chain.advanceLedgers(LIFE + 5);
  expect(await liveUntil()).toBeLessThan(devnet.chain.history.latest.sequence);
  const footprint = new SorobanDataBuilder().setReadWrite(contractKeys());
  const done = await sendTtl(Operation.restoreFootprint({}), footprint);
  expect(await liveUntil()).toBe(done.ledger + LIFE - 1);
  await pay();
});

test("a call to an archived contract restores it by itself, as the simulation declares", async () => {
  devnet.chain.advanceLedgers(LIFE + 5);
  const paid = await pay();
  expect(paid.status).toBe("SUCCESS");
  expect(await liveUntil()).toBeGreaterThan(paid.ledger);
});

test("an archived contract that is not declared as such fails the call", async () => {
  const prepared = await prepare(payOperation());
  devnet.chain.advanceLedgers(LIFE + 5);
  prepared.sign(asset.issuer);
  const sent = await server.sendTransaction(prepared);
  expect(sent.status).toBe("PENDING");
  const done = await server.pollTransaction(sent.hash, POLL);
  if (done.status !== rpc.Api.GetTransactionStatus.FAILED)
    throw new Error(`${done.status} instead of FAILED`);
  expect(JSON.stringify(done.resultXdr)).toContain("entry_archived");
});

test("temporary entries vanish when their time is over", async () => {
  const spender = Keypair.random().publicKey();
  const { issuer, nativeContractId } = asset;
  const live = devnet.chain.history.latest.sequence + 30;
  const approve = Operation.invokeContractFunction({
    contract: nativeContractId,
    function: "approve",
    args: [
      nativeToScVal(issuer.publicKey(), { type: "address" }),
      nativeToScVal(spender, { type: "address" }),
      nativeToScVal(5n, { type: "i128" }),
      nativeToScVal(live, { type: "u32" }),
    ],
  });
  const before = devnet.chain.state.size;
  runOperation(devnet.chain, issuer, approve);
  expect(devnet.chain.state.size).toBe(before + 1);
  const key = [...devnet.chain.state.entries()].at(-1)?.entry;
  expect(key?.data.type).toBe("contractData");
  devnet.chain.advanceLedgers(100);
  expect(devnet.chain.state.size).toBe(before);
});

const POLL = { attempts: 200, sleepStrategy: () => 10 };

function contractKeys(): xdr.LedgerKey[] {
  return [new Contract(receiver).getFootprint()];
}

async function liveUntil(): Promise<number> {
  const { entries } = await server.getLedgerEntries(...contractKeys());
  return entries[0]?.liveUntilLedgerSeq ?? 0;
}

function payOperation() {
  return Operation.invokeContractFunction({
    contract: receiver,
    function: "pay_xlm",
    args: [
      nativeToScVal(asset.issuer.publicKey(), { type: "address" }),
      nativeToScVal(5n, { type: "i128" }),
      nativeToScVal(Buffer.from("ord"), { type: "bytes" }),
    ],
  });
}

async function builder() {
  const account = await server.getAccount(asset.issuer.publicKey());
  return new TransactionBuilder(account, { fee: "100", networkPassphrase: devnet.passphrase });
}

async function prepare(operation: xdr.Operation) {
  const built = (await builder()).addOperation(operation).setTimeout(0).build();
  return server.prepareTransaction(built);
}

async function pay() {
  return finish(await prepare(payOperation()));
}

async function sendTtl(operation: xdr.Operation, data: SorobanDataBuilder) {
  const built = (await builder())
    .addOperation(operation)
    .setSorobanData(data.build())
    .setTimeout(0)
    .build();
  return finish(await server.prepareTransaction(built));
}

async function finish(transaction: Awaited<ReturnType<typeof prepare>>) {
  transaction.sign(asset.issuer);
  const sent = await server.sendTransaction(transaction);
  const done = await server.pollTransaction(sent.hash, POLL);
  if (done.status === rpc.Api.GetTransactionStatus.SUCCESS) return done;
  throw new Error(`${sent.status} ${done.status} ${JSON.stringify(done)}`);
}
