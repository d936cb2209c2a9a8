import { Asset, contract, Keypair, scValToNative, xdr } from "@stellar/stellar-sdk";
import { readFileSync } from "node:fs";
import { beforeAll, beforeEach, expect, test } from "vitest";
import {
  arg,
  balance,
  deploy,
  deployAsset,
  type HandMadeLedger,
  handMadeLedger,
  invoke,
  PASSPHRASE,
  returned,
} from "./hand-made-ledger.ts";
import { wasmCalls } from "./wasm-calls.ts";

const WASM = readFileSync(new URL("./receiver.wasm", import.meta.url));
const UNIT = 10_000_000n;

/** Host functions by the short names contracts import them under: env.json of soroban-env-common. */
const HOST_FUNCTIONS: Readonly<Record<string, string>> = {
  "a.0": "require_auth",
  "b.8": "bytes_len",
  "d._": "call",
  "i.6": "obj_from_i128_pieces",
  "i.7": "obj_to_i128_lo64",
  "i.8": "obj_to_i128_hi64",
  "l._": "put_contract_data",
  "l.0": "has_contract_data",
  "l.1": "get_contract_data",
  "l.8": "extend_current_contract_instance_and_code_ttl",
  "v.g": "vec_new_from_linear_memory",
  "x.1": "contract_event",
  "x.7": "get_current_contract_address",
};

let spec: contract.Spec;
beforeAll(() => {
  spec = contract.Spec.fromWasm(WASM);
});

function typeName(type: xdr.ScSpecTypeDef): string {
  if (type.type === "scSpecTypeResult") {
    return `Result<${typeName(type.result.okType)}, ${typeName(type.result.errorType)}>`;
  }
  if (type.type === "scSpecTypeUdt") return String(type.udt.name);
  return type.type.replace("scSpecType", "").toLowerCase();
}

function signature(name: string): string {
  const { inputs, outputs } = spec.getFunc(name);
  const parameters = inputs.map((input) => `${String(input.name)}: ${typeName(input.type)}`);
  return `${name}(${parameters.join(", ")}) -> ${outputs.map(typeName).join(", ") || "()"}`;
}

test("the interface is this and nothing more", () => {
  const names = spec.funcs().map((func) => String(func.name));
  expect(names.toSorted().map(signature)).toEqual([
    "__constructor(treasury: address, usdc: address, xlm: address) -> ()",
    "pay_usdc(from: address, amount: i128, order_id: bytes) -> Result<void, error>",
    "pay_xlm(from: address, amount: i128, order_id: bytes) -> Result<void, error>",
    "sweep(asset: address) -> i128",
    "treasury() -> address",
    "usdc_contract() -> address",
    "xlm_contract() -> address",
  ]);
});

test("what is not in the spec is not callable either", () => {
  const exported = WebAssembly.Module.exports(new WebAssembly.Module(new Uint8Array(WASM)));
  const callable = exported.filter(({ kind }) => kind === "function").map(({ name }) => name);
  const names = spec.funcs().map((func) => String(func.name));
  expect(callable.toSorted()).toEqual(names.toSorted());
});

test("both events carry order id and payer as topics and the bare amount as data", () => {
  const events = spec.entries.flatMap((entry) =>
    entry.type === "scSpecEntryEventV0" ? [entry.eventV0] : [],
  );
  const shapes = events.map(({ prefixTopics, params, dataFormat }) => ({
    topics: prefixTopics.map(String),
    params: params.map((p) => `${String(p.name)}: ${typeName(p.type)} in ${p.location.name}`),
    dataFormat: dataFormat.name,
  }));
  const params = [
    "order_id: bytes in scSpecEventParamLocationTopicList",
    "from: address in scSpecEventParamLocationTopicList",
    "amount: i128 in scSpecEventParamLocationData",
  ];
  const dataFormat = "scSpecEventDataFormatSingleValue";
  expect(shapes).toHaveLength(2);
  expect(shapes).toContainEqual({ topics: ["pay_usdc"], params, dataFormat });
  expect(shapes).toContainEqual({ topics: ["pay_xlm"], params, dataFormat });
});

test("errors keep their numbers", () => {
  const errors = spec.errorCases().map((error) => [error.value, String(error.name)]);
  expect(errors).toEqual([
    [1, "AmountNotPositive"],
    [2, "OrderIdEmpty"],
    [3, "OrderIdTooLong"],
  ]);
});

test("no function can upgrade the contract, deploy another or lend its authority", () => {
  const module = new WebAssembly.Module(new Uint8Array(WASM));
  const imports = WebAssembly.Module.imports(module).map((i) => `${i.module}.${i.name}`);
  // An allow list: update_current_contract_wasm (l.6), upload_wasm (l.5), the creating functions
  // (l.3, l.4, l.e) and authorize_as_curr_contract (a.3) are not on it.
  expect(imports.toSorted()).toEqual(Object.keys(HOST_FUNCTIONS).toSorted());
});

test("after its creation nothing can change where the contract sends money", () => {
  const { reachable } = wasmCalls(WASM);
  const reaching = (hostFunction: string) =>
    [...reachable].flatMap(([name, calls]) => (calls.has(hostFunction) ? [name] : [])).toSorted();
  expect(HOST_FUNCTIONS["l._"]).toBe("put_contract_data");
  expect(reaching("l._")).toEqual(["__constructor"]);
  expect(HOST_FUNCTIONS["d._"]).toBe("call");
  expect(reaching("d._")).toEqual(["pay_usdc", "pay_xlm", "sweep"]);
});

test("no caller can name a destination", () => {
  // Addresses a caller gives: the payer, who has to authorise, and the asset to sweep.
  const addresses = spec.funcs().flatMap((func) => {
    const given = func.inputs.filter((input) => typeName(input.type) === "address");
    return given.map((input) => `${String(func.name)}.${String(input.name)}`);
  });
  expect(addresses.filter((name) => !name.startsWith("__constructor")).toSorted()).toEqual([
    "pay_usdc.from",
    "pay_xlm.from",
    "sweep.asset",
  ]);
});

/** A symbol of up to nine characters inside a host value: tag 14, then six bits per character. */
function shortSymbol(value: bigint): string | null {
  if ((value & 0xffn) !== 14n) return null;
  const alphabet = "_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let text = "";
  for (let rest = value >> 8n; rest > 0n; rest >>= 6n) {
    text = (alphabet[Number(rest & 63n) - 1] ?? "?") + text;
  }
  return text;
}

test("of an asset, the contract can call balance and transfer and nothing else", () => {
  const symbols = [...wasmCalls(WASM).constants].map(shortSymbol).filter((s) => s !== null);
  const stored = ["treasury", "usdc", "xlm"];
  expect(symbols.toSorted()).toEqual([...stored, "balance", "transfer"].toSorted());
  // Symbols can also be made from text, as the names of the two events are. Those of more than nine
  // characters take symbol_new_from_linear_memory, which is not imported.
  for (const name of ["approve", "burn", "mint", "clawback", "set_admin", "spend"]) {
    expect(WASM.includes(name), name).toBe(false);
  }
});

interface Shop {
  readonly ledger: HandMadeLedger;
  readonly receiver: string;
  readonly treasury: string;
  readonly payer: string;
  readonly usdc: string;
  readonly xlm: string;
}

let shop: Shop;
beforeEach(() => {
  const ledger = handMadeLedger();
  const [issuer, treasury, payer] = [newAccount(ledger), newAccount(ledger), newAccount(ledger)];
  const usdcAsset = new Asset("USDC", issuer);
  for (const holder of [treasury, payer]) ledger.addTrustline(holder, usdcAsset, 50n * UNIT);
  const usdc = deployAsset(ledger, issuer, usdcAsset);
  const xlm = deployAsset(ledger, issuer, Asset.native());
  const receiver = deploy(ledger, issuer, WASM, [treasury, usdc, xlm].map(arg.address));
  shop = { ledger, receiver, treasury, payer, usdc, xlm };
});

function newAccount(ledger: HandMadeLedger): string {
  const id = Keypair.random().publicKey();
  ledger.addAccount(id, 100n * UNIT);
  return id;
}

function pay(name: "pay_usdc" | "pay_xlm", amount: bigint, orderId = "order-1"): xdr.Operation {
  const { receiver, payer } = shop;
  return invoke(receiver, name, arg.address(payer), arg.i128(amount), arg.bytes(orderId));
}

/** Contract events as [contract, ...topics, data]. */
function decoded(events: readonly string[]): unknown[][] {
  return events.map((base64) => {
    const event = xdr.ContractEvent.fromXdr(base64, "base64");
    const { topics, data } = event.body.v0;
    if (event.contractId === null) throw new Error("an event without contract");
    const emitter = xdr.ScAddress.scAddressTypeContract(event.contractId);
    return [xdr.ScVal.scvAddress(emitter), ...topics, data].map(native);
  });
}

function native(value: xdr.ScVal): unknown {
  return scValToNative(value);
}

test("on the real host, a payment goes from the payer to the contract and is announced", () => {
  const { ledger, receiver, payer, usdc } = shop;
  expect(usdc).toBe(new Asset("USDC", issuerOf(ledger, usdc)).contractId(PASSPHRASE));
  const paid = ledger.submit(pay("pay_usdc", 3n * UNIT, "0f8fad5b"), payer);
  const [transfer, announced] = decoded(paid.contractEvents);
  expect(transfer?.slice(0, 4)).toEqual([usdc, "transfer", payer, receiver]);
  const orderId = new TextEncoder().encode("0f8fad5b");
  expect(announced?.slice(0, 2)).toEqual([receiver, "pay_usdc"]);
  expect(Buffer.from(announced?.[2] as Uint8Array)).toEqual(Buffer.from(orderId));
  expect(announced?.slice(3)).toEqual([payer, 3n * UNIT]);
  expect(paid.contractEvents).toHaveLength(2);
  expect(balance(ledger, usdc, receiver)).toBe(3n * UNIT);
});

function issuerOf(ledger: HandMadeLedger, asset: string): string {
  const named = returned(ledger.submit(invoke(asset, "name"), shop.payer)) as string;
  return named.split(":")[1] ?? "";
}

test("on the real host, a sweep by a stranger pays the treasury and nobody else", () => {
  const { ledger, receiver, treasury, payer, usdc, xlm } = shop;
  ledger.submit(pay("pay_usdc", 3n * UNIT), payer);
  ledger.submit(pay("pay_xlm", 2n * UNIT), payer);
  const stranger = newAccount(ledger);
  const sweep = (asset: string) =>
    ledger.submit(invoke(receiver, "sweep", arg.address(asset)), stranger);

  const swept = sweep(usdc);
  expect(returned(swept)).toBe(3n * UNIT);
  expect(swept.simulated.auth).toEqual([]);
  expect(decoded(swept.contractEvents).map((event) => event.slice(0, 4))).toEqual([
    [usdc, "transfer", receiver, treasury],
  ]);
  expect(balance(ledger, usdc, treasury)).toBe(53n * UNIT);
  expect(balance(ledger, xlm, receiver)).toBe(2n * UNIT);

  expect(returned(sweep(xlm))).toBe(2n * UNIT);
  expect(balance(ledger, xlm, treasury)).toBe(102n * UNIT);
  expect(balance(ledger, xlm, stranger)).toBe(100n * UNIT);
  expect(returned(sweep(usdc))).toBe(0n);
});

test("on the real host, the three errors come back by number", () => {
  const { ledger, payer } = shop;
  const error = (operation: xdr.Operation) => {
    const simulated = ledger.simulate(operation, payer);
    return simulated.ok ? null : /Error\(Contract, #(\d+)\)/.exec(simulated.error)?.[1];
  };
  expect(error(pay("pay_usdc", 0n))).toBe("1");
  expect(error(pay("pay_xlm", -1n))).toBe("1");
  expect(error(pay("pay_xlm", 1n, ""))).toBe("2");
  expect(error(pay("pay_xlm", 1n, "x".repeat(65)))).toBe("3");
  expect(error(pay("pay_xlm", 1n, "x".repeat(64)))).toBeNull();
});

test("on the real host, the getters answer what was fixed", () => {
  const { ledger, receiver, treasury, payer, usdc, xlm } = shop;
  const read = (name: string) => returned(ledger.submit(invoke(receiver, name), payer));
  expect(read("treasury")).toBe(treasury);
  expect(read("usdc_contract")).toBe(usdc);
  expect(read("xlm_contract")).toBe(xlm);
});
