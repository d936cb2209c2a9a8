import { readFileSync } from "node:fs";
import {
  Address,
  Keypair,
  nativeToScVal,
  Operation,
  scValToNative,
  xdr,
} from "@stellar/stellar-sdk/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fundAccounts } from "../../devnet/stellar/friendbot.ts";
import { startStellarDevnet, type StellarDevnet } from "../../devnet/stellar/index.ts";
import { returnValue, runOperation, uploadContract } from "../../devnet/stellar/setup.ts";
import { NOBODY_HOME } from "../../tests/fixtures/rpc-front.ts";
import { sep40Price } from "./sep40.ts";

const { signal } = new AbortController();
const admin = Keypair.random();
let devnet: StellarDevnet;
let wasmHash: string;

beforeAll(async () => {
  devnet = await startStellarDevnet({ closeEveryMs: "manual" });
  fundAccounts(devnet.chain, [admin.publicKey()]);
  const wasm = readFileSync(new URL("../../contracts/stellar/oracle.wasm", import.meta.url));
  wasmHash = uploadContract(devnet.chain, admin, wasm);
});
afterAll(() => devnet.close());

const other = (ticker: string): xdr.ScVal =>
  xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Other"), xdr.ScVal.scvSymbol(ticker)]);

function newOracle(base: xdr.ScVal, decimals: number): string {
  const created = runOperation(
    devnet.chain,
    admin,
    Operation.createCustomContract({
      address: new Address(admin.publicKey()),
      wasmHash: Buffer.from(wasmHash, "hex"),
      constructorArgs: [
        new Address(admin.publicKey()).toScVal(),
        base,
        xdr.ScVal.scvU32(decimals),
        xdr.ScVal.scvU32(1),
      ],
    }),
  );
  return String(scValToNative(returnValue(created)));
}

function setPrice(contract: string, ticker: string, price: bigint, timestampS: bigint): void {
  const args = [
    other(ticker),
    nativeToScVal(price, { type: "i128" }),
    xdr.ScVal.scvU64(timestampS),
  ];
  runOperation(
    devnet.chain,
    admin,
    Operation.invokeContractFunction({ contract, function: "set_price", args }),
  );
}

function read(contractId: string, rpcUrls: readonly string[] = [devnet.url]) {
  return sep40Price({ rpcUrls, contractId, symbol: "XLM" }).read(signal);
}

test("the last price is read with the oracle's decimals and time, rounded down", async () => {
  const oracle = newOracle(other("USD"), 14);
  setPrice(oracle, "XLM", 9_128_999_999_999n, 1_790_000_000n);
  expect(await read(oracle)).toEqual({
    kind: "done",
    value: { usdMicroPerUnit: 91_289n, atMs: 1_790_000_000_000 },
  });
});

test("an oracle with fewer decimals than ours is scaled up", async () => {
  const oracle = newOracle(other("USDC"), 2);
  setPrice(oracle, "XLM", 9n, 1n);
  expect(await read(oracle)).toMatchObject({ value: { usdMicroPerUnit: 90_000n } });
});

test("an oracle that counts in euros or in a token is not taken for dollars", async () => {
  const euro = newOracle(other("EUR"), 14);
  setPrice(euro, "XLM", 9_128_999_999_999n, 1n);
  const token = xdr.ScVal.scvVec([xdr.ScVal.scvSymbol("Stellar"), new Address(euro).toScVal()]);
  for (const oracle of [euro, newOracle(token, 14)]) {
    expect(await read(oracle)).toMatchObject({
      kind: "failed",
      reason: expect.stringContaining("does not tell prices in dollars") as string,
    });
  }
});

test("an asset without a price is a failure with its name", async () => {
  expect(await read(newOracle(other("USD"), 14))).toMatchObject({
    kind: "failed",
    reason: "the oracle has no price of XLM",
  });
});

test("a contract that is no oracle, or none at all, is a failure", async () => {
  const nobody = "CBIELTK6YBZJU5UP2WWQEUCYKLPU6AUNZ2BQ4WWFEIE3USCIHMXQDAMA";
  expect(await read(nobody)).toMatchObject({ kind: "failed" });
});

test("the next server is asked when the first is down; a new price needs no restart", async () => {
  const oracle = newOracle(other("USD"), 7);
  setPrice(oracle, "XLM", 900_000n, 10n);
  const rpcUrls = [NOBODY_HOME, devnet.url];
  const source = sep40Price({ rpcUrls, contractId: oracle, symbol: "XLM" });
  expect(await source.read(signal)).toMatchObject({ value: { usdMicroPerUnit: 90_000n } });
  setPrice(oracle, "XLM", 950_000n, 20n);
  expect(await source.read(signal)).toMatchObject({ value: { usdMicroPerUnit: 95_000n } });
  expect(await read(oracle, [])).toMatchObject({ kind: "failed" });
});
