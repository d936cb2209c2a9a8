import { Address, Asset, Keypair, Operation, xdr } from "@stellar/stellar-sdk";
import { readFileSync } from "node:fs";
import { beforeEach, expect, test } from "vitest";
import {
  arg,
  balance,
  deploy,
  deployAsset,
  type HandMadeLedger,
  handMadeLedger,
  invoke,
  returned,
  withAuth,
} from "../../contracts/stellar/hand-made-ledger.ts";
import { hostSettings, TESTNET_SETTINGS } from "./settings.ts";
import { loadSorobanHost, type SimulateResult, SorobanHostTrap } from "./soroban-host.ts";

const RECEIVER = readFileSync(new URL("../../contracts/stellar/receiver.wasm", import.meta.url));
const HOST = readFileSync(new URL("./host/soroban-host.wasm", import.meta.url));
const XLM = 10_000_000n;

let ledger: HandMadeLedger;
let payer: string;
let treasury: string;
let xlm: string;
let receiver: string;

beforeEach(() => {
  ledger = handMadeLedger();
  payer = newAccount();
  treasury = newAccount();
  xlm = deployAsset(ledger, payer, Asset.native());
  receiver = deploy(ledger, payer, RECEIVER, [treasury, xlm, xlm].map(arg.address));
});

function newAccount(): string {
  const id = Keypair.random().publicKey();
  ledger.addAccount(id, 100n * XLM);
  return id;
}

function payXlm(stroops: bigint): xdr.Operation {
  return invoke(receiver, "pay_xlm", arg.address(payer), arg.i128(stroops), arg.bytes("order-1"));
}

function mustSimulate(
  operation: xdr.Operation,
  options = {},
): Extract<SimulateResult, { ok: true }> {
  const simulated = ledger.simulate(operation, payer, options);
  if (!simulated.ok) throw new Error(simulated.error);
  return simulated;
}

function changed(
  transactionData: string,
  change: Partial<ConstructorParameters<typeof xdr.SorobanTransactionData>[0]>,
): string {
  const data = xdr.SorobanTransactionData.fromXdr(transactionData, "base64");
  const { ext, resources, resourceFee } = data;
  return new xdr.SorobanTransactionData({ ext, resources, resourceFee, ...change }).toXdr("base64");
}

function withResources(
  transactionData: string,
  change: Partial<ConstructorParameters<typeof xdr.SorobanResources>[0]>,
): string {
  const { resources } = xdr.SorobanTransactionData.fromXdr(transactionData, "base64");
  const { footprint, instructions, diskReadBytes, writeBytes } = resources;
  const declared = { footprint, instructions, diskReadBytes, writeBytes, ...change };
  return changed(transactionData, { resources: new xdr.SorobanResources(declared) });
}

function errorOf(simulated: SimulateResult): string {
  if (simulated.ok) throw new Error("the simulation succeeded");
  return simulated.error;
}

function instanceKey(contract: string): xdr.LedgerKey {
  return xdr.LedgerKey.contractData(
    new xdr.LedgerKeyContractData({
      contract: new Address(contract).toScAddress(),
      key: xdr.ScVal.scvLedgerKeyContractInstance(),
      durability: xdr.ContractDataDurability.persistent,
    }),
  );
}

test("the module asks for nothing from outside", () => {
  expect(WebAssembly.Module.imports(new WebAssembly.Module(new Uint8Array(HOST)))).toEqual([]);
});

test("a payment and a sweep run on the real host", () => {
  const paid = ledger.submit(payXlm(3n * XLM), payer);
  expect(returned(paid)).toBeNull();
  expect(paid.contractEvents).toHaveLength(2);
  expect(paid.cpuInstructions).toBeLessThanOrEqual(paid.simulated.cpuInstructions);
  expect(balance(ledger, xlm, receiver)).toBe(3n * XLM);
  expect(balance(ledger, xlm, payer)).toBe(97n * XLM);

  const swept = ledger.submit(invoke(receiver, "sweep", arg.address(xlm)), newAccount());
  expect(returned(swept)).toBe(3n * XLM);
  expect(balance(ledger, xlm, treasury)).toBe(103n * XLM);
});

test("changed entries carry the ledger that changed them and how long they live", () => {
  const paid = ledger.submit(payXlm(1n), payer);
  const instance = paid.changes.find((c) => c.key === instanceKey(receiver).toXdr("base64"));
  expect(instance?.liveUntilLedger).toBe(ledger.sequence() + 518_400);
  const accounts = paid.changes.filter((c) => c.liveUntilLedger === null);
  expect(accounts).toHaveLength(1);
  const account = xdr.LedgerEntry.fromXdr(accounts[0]?.entry ?? "", "base64");
  expect(account.lastModifiedLedgerSeq).toBe(ledger.sequence());
});

test("applying changes nothing until the changes are put", () => {
  const simulated = mustSimulate(payXlm(1n));
  const request = {
    ledger: { sequence: ledger.sequence(), closeTimeS: 1 },
    operation: withAuth(payXlm(1n), simulated.auth).body.toXdr("base64"),
    source: Keypair.fromPublicKey(payer).xdrAccountId().toXdr("base64"),
    transactionData: simulated.transactionData,
    transactionSizeBytes: 1000,
    seed: Buffer.alloc(32).toString("base64"),
  };
  const first = ledger.host.apply(request);
  expect(first.ok).toBe(true);
  expect(ledger.host.apply(request)).toEqual(first);
  expect(balance(ledger, xlm, receiver)).toBe(0n);
});

test("a contract's own error is named by simulation and traps when applied", () => {
  expect(errorOf(ledger.simulate(payXlm(0n), payer))).toMatch(/Error\(Contract, #1\)/);

  const { transactionData } = mustSimulate(payXlm(1n));
  const applied = ledger.apply(payXlm(0n), payer, transactionData);
  expect(applied).toMatchObject({ ok: false, code: "trapped" });
});

test("more than the payer has is refused by the asset contract", () => {
  expect(errorOf(ledger.simulate(payXlm(1000n * XLM), payer))).toMatch(/Error\(Contract, #10\)/);
});

test("without the recorded authorisation a payment traps", () => {
  const { transactionData } = mustSimulate(payXlm(1n));
  expect(ledger.apply(payXlm(1n), payer, transactionData)).toMatchObject({ code: "trapped" });
  const enforced = ledger.simulate(payXlm(1n), payer, { authMode: "enforce" });
  expect(errorOf(enforced)).toMatch(/Auth/);
});

test("another seed records another nonce, and AddressV2 credentials come on request", () => {
  const relayer = newAccount();
  const credentials = (options = {}) => {
    const simulated = ledger.simulate(payXlm(1n), relayer, options);
    if (!simulated.ok) throw new Error(simulated.error);
    return xdr.SorobanAuthorizationEntry.fromXdr(simulated.auth[0] ?? "", "base64").credentials;
  };
  const [one, two] = [credentials(), credentials()];
  if (one.type !== "sorobanCredentialsAddress") throw new Error(one.type);
  if (two.type !== "sorobanCredentialsAddress") throw new Error(two.type);
  expect(one.address.nonce).not.toBe(two.address.nonce);
  expect(credentials({ useUpgradedAuth: true }).type).toBe("sorobanCredentialsAddressV2");
});

test("fewer instructions than the call takes are a resource limit", () => {
  const simulated = mustSimulate(payXlm(1n));
  const data = withResources(simulated.transactionData, { instructions: 100_000 });
  const applied = ledger.apply(withAuth(payXlm(1n), simulated.auth), payer, data);
  expect(applied).toMatchObject({ ok: false, code: "resource_limit_exceeded" });
});

test("fewer bytes written than the call writes are a resource limit", () => {
  const simulated = mustSimulate(payXlm(1n));
  const data = withResources(simulated.transactionData, { writeBytes: 100 });
  const applied = ledger.apply(withAuth(payXlm(1n), simulated.auth), payer, data);
  expect(applied).toMatchObject({ ok: false, code: "resource_limit_exceeded" });
});

test("a fee that pays for the resources but not for the rent is refused", () => {
  const simulated = mustSimulate(payXlm(1n));
  const operation = withAuth(payXlm(1n), simulated.auth);
  const price = (transactionData: string) =>
    ledger.host.nonRefundableFee({
      operation: operation.body.toXdr("base64"),
      transactionData,
      transactionSizeBytes: 1000,
    });
  const enough = ledger.host.apply({
    ledger: { sequence: ledger.sequence(), closeTimeS: 1 },
    operation: operation.body.toXdr("base64"),
    source: Keypair.fromPublicKey(payer).xdrAccountId().toXdr("base64"),
    transactionData: simulated.transactionData,
    transactionSizeBytes: 1000,
    seed: Buffer.alloc(32).toString("base64"),
  });
  if (!enough.ok) throw new Error(enough.error);
  const { nonRefundableFee, refundableFee } = enough;
  expect(nonRefundableFee).toBe(price(simulated.transactionData));
  const fee = BigInt(nonRefundableFee + refundableFee);
  const paying = (resourceFee: bigint) =>
    ledger.apply(operation, payer, changed(simulated.transactionData, { resourceFee }));
  expect(paying(fee - 1n)).toMatchObject({ ok: false, code: "insufficient_refundable_fee" });
  expect(paying(fee)).toMatchObject({ ok: true, refundableFee });
});

test("an expired temporary entry is as good as absent", () => {
  const [spender, later] = [newAccount(), ledger.sequence() + 5000];
  const approve = invoke(
    xlm,
    "approve",
    arg.address(payer),
    arg.address(spender),
    arg.i128(7n),
    arg.u32(later),
  );
  const { changes } = ledger.submit(approve, payer);
  const allowance = () =>
    returned(mustSimulate(invoke(xlm, "allowance", arg.address(payer), arg.address(spender))));
  const temporary = changes.filter((c) => c.liveUntilLedger === later);
  expect(temporary).toHaveLength(1);
  expect(allowance()).toBe(7n);

  // The allowance itself is good until `later`: only the entry's own life can make it vanish.
  ledger.host.put(temporary.map((c) => ({ ...c, liveUntilLedger: ledger.sequence() - 1 })));
  expect(allowance()).toBe(0n);
  ledger.host.put(temporary.map((c) => ({ ...c, liveUntilLedger: ledger.sequence() })));
  expect(allowance()).toBe(7n);
});

test("an archived contract is restored by the call that names it, and by no other", () => {
  ledger.pass(TESTNET_SETTINGS.soroban.minPersistentTtl);
  const simulated = mustSimulate(payXlm(1n));
  const { ext } = xdr.SorobanTransactionData.fromXdr(simulated.transactionData, "base64");
  expect(ext.type).toBe("resourceExt");
  expect(simulated.restorePreamble).toBeNull();

  const operation = withAuth(payXlm(1n), simulated.auth);
  const unmarked = changed(simulated.transactionData, {
    ext: xdr.SorobanTransactionDataExt.v0(),
  });
  expect(ledger.apply(operation, payer, unmarked)).toMatchObject({ code: "entry_archived" });

  const applied = ledger.apply(operation, payer, simulated.transactionData);
  expect(applied).toMatchObject({ ok: true });
  expect(balance(ledger, xlm, receiver)).toBe(1n);
  const asset = ledger.entry(instanceKey(xlm).toXdr("base64"));
  const restoredUntil = ledger.sequence() + TESTNET_SETTINGS.soroban.minPersistentTtl - 1;
  expect(asset?.liveUntilLedger).toBe(restoredUntil);
});

test("extending an archived entry comes with the restoration that has to go first", () => {
  ledger.pass(TESTNET_SETTINGS.soroban.minPersistentTtl);
  const key = instanceKey(receiver);
  const extend = Operation.extendFootprintTtl({ extendTo: 200_000 });
  const extended = mustSimulate(extend, { transactionData: declaring({ readOnly: [key] }) });
  const preamble = extended.restorePreamble;
  if (preamble === null) throw new Error("no restore preamble");
  expect(ledger.apply(extend, payer, extended.transactionData)).toMatchObject({ changes: [] });

  const restore = Operation.restoreFootprint({});
  const restored = ledger.apply(restore, payer, preamble.transactionData);
  const liveUntil = () => ledger.entry(key.toXdr("base64"))?.liveUntilLedger;
  expect(restored).toMatchObject({ ok: true, result: null, contractEvents: [] });
  expect(liveUntil()).toBe(ledger.sequence() + TESTNET_SETTINGS.soroban.minPersistentTtl - 1);

  const applied = ledger.apply(extend, payer, extended.transactionData);
  if (!applied.ok) throw new Error(applied.error);
  expect(liveUntil()).toBe(ledger.sequence() + 200_000);
  expect(applied.rentFee).toBeGreaterThan(0);
  expect(applied.refundableFee).toBe(applied.rentFee);
  // Extending again buys nothing, and costs nothing.
  expect(ledger.apply(extend, payer, extended.transactionData)).toMatchObject({
    changes: [],
    rentFee: 0,
  });
});

test("a restoration is simulated with what it needs to apply", () => {
  ledger.pass(TESTNET_SETTINGS.soroban.minPersistentTtl);
  const restore = Operation.restoreFootprint({});
  const transactionData = declaring({ readWrite: [instanceKey(receiver)] });
  const simulated = mustSimulate(restore, { transactionData });
  expect(ledger.apply(restore, payer, simulated.transactionData)).toMatchObject({ ok: true });
  const cheap = changed(simulated.transactionData, { resourceFee: 20_000n });
  ledger.pass(2 * TESTNET_SETTINGS.soroban.minPersistentTtl);
  expect(ledger.apply(restore, payer, cheap)).toMatchObject({
    code: "insufficient_refundable_fee",
  });
});

test("operations with the wrong kind of footprint are malformed", () => {
  const key = instanceKey(receiver);
  const extend = Operation.extendFootprintTtl({ extendTo: 100 });
  const restore = Operation.restoreFootprint({});
  const malformed = { ok: false, code: "malformed" };
  expect(ledger.apply(extend, payer, declaring({ readWrite: [key] }))).toMatchObject(malformed);
  expect(ledger.apply(restore, payer, declaring({ readOnly: [key] }))).toMatchObject(malformed);
  const tooLong = Operation.extendFootprintTtl({ extendTo: TESTNET_SETTINGS.soroban.maxEntryTtl });
  expect(ledger.apply(tooLong, payer, declaring({ readOnly: [key] }))).toMatchObject(malformed);
});

test("a contract over the network's size limit is not stored", () => {
  const networkId = Buffer.alloc(32);
  ledger.host.configure({
    ...hostSettings(TESTNET_SETTINGS, networkId),
    sizeLimits: { maxContractSizeBytes: 1000 },
  });
  const upload = Operation.uploadContractWasm({ wasm: RECEIVER });
  const fresh = loadSorobanHost();
  fresh.configure(hostSettings(TESTNET_SETTINGS, networkId));
  const source = Keypair.fromPublicKey(payer).xdrAccountId().toXdr("base64");
  const simulated = fresh.simulate({
    ledger: { sequence: 1, closeTimeS: 1 },
    operation: upload.body.toXdr("base64"),
    source,
    transactionData: null,
    authMode: "record",
    seed: Buffer.alloc(32).toString("base64"),
  });
  if (!simulated.ok) throw new Error(simulated.error);
  const applied = ledger.apply(upload, payer, simulated.transactionData);
  expect(applied).toMatchObject({ ok: false, code: "resource_limit_exceeded" });
});

test("the host survives a trap with all it was told", () => {
  ledger.submit(payXlm(2n), payer);
  const overflowing = () =>
    ledger.simulate(Operation.extendFootprintTtl({ extendTo: 300_000 }), payer, {
      ledger: { sequence: 2 ** 32 - 200_000, closeTimeS: 1 },
      transactionData: declaring({ readOnly: [instanceKey(receiver)] }),
    });
  expect(overflowing).toThrow(SorobanHostTrap);
  expect(overflowing).toThrow(/overflow/);
  expect(balance(ledger, xlm, receiver)).toBe(2n);
  ledger.submit(payXlm(3n), payer);
  expect(balance(ledger, xlm, receiver)).toBe(5n);
});

test("a wrong request is refused and costs the host nothing", () => {
  const put = (key: string) => ledger.host.put([{ key, entry: null, liveUntilLedger: null }]);
  expect(() => put("!")).toThrow(/refused.*not base64/);
  const payment = Operation.payment({ destination: payer, asset: Asset.native(), amount: "1" });
  expect(() => ledger.simulate(payment, payer)).toThrow(/not a Soroban operation/);
  expect(() => ledger.simulate(payXlm(1n), payer, { seed: "AAAA" })).toThrow(/32 bytes/);
  expect(() => loadSorobanHost().simulate({} as never)).toThrow(/refused/);
  expect(balance(ledger, xlm, receiver)).toBe(0n);
});

function declaring(keys: {
  readonly readOnly?: xdr.LedgerKey[];
  readonly readWrite?: xdr.LedgerKey[];
}): string {
  const { readOnly = [], readWrite = [] } = keys;
  const resources = new xdr.SorobanResources({
    footprint: new xdr.LedgerFootprint({ readOnly, readWrite }),
    instructions: 0,
    diskReadBytes: 0,
    writeBytes: 0,
  });
  const ext = xdr.SorobanTransactionDataExt.v0();
  return new xdr.SorobanTransactionData({ ext, resources, resourceFee: 0n }).toXdr("base64");
}
