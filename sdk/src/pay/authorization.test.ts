import { Address, nativeToScVal, StrKey, xdr } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { authorizesOnlyPayment } from "./authorization.ts";

const contract = (fill: number) => StrKey.encodeContract(Buffer.alloc(32, fill));
const account = (fill: number) => StrKey.encodeEd25519PublicKey(Buffer.alloc(32, fill));
const [RECEIVER, USDC, PAYER] = [contract(1), contract(2), account(3)];

const address = (id: string) => new Address(id).toScVal();
const amount = (stroops: bigint) => nativeToScVal(stroops, { type: "i128" });
const orderId = (text: string) => nativeToScVal(Buffer.from(text), { type: "bytes" });
const bytes = (value: xdr.ScVal) => new Uint8Array(Buffer.from(value.toXdr("base64"), "base64"));

const CALL = {
  contractId: RECEIVER,
  functionName: "pay_usdc",
  assetContractId: USDC,
  payer: bytes(address(PAYER)),
  amount: bytes(amount(100n)),
  orderId: bytes(orderId("order-1")),
} as const;

interface Invocation {
  readonly contract: string;
  readonly name: string;
  readonly args: readonly xdr.ScVal[];
  readonly inner?: readonly Invocation[];
}

const PAY: Invocation = {
  contract: RECEIVER,
  name: "pay_usdc",
  args: [address(PAYER), amount(100n), orderId("order-1")],
};
const TRANSFER: Invocation = {
  contract: USDC,
  name: "transfer",
  args: [address(PAYER), address(RECEIVER), amount(100n)],
};

function invocationOf({
  contract: id,
  name,
  args,
  inner = [],
}: Invocation): xdr.SorobanAuthorizedInvocation {
  return new xdr.SorobanAuthorizedInvocation({
    function: xdr.SorobanAuthorizedFunction.sorobanAuthorizedFunctionTypeContractFn(
      new xdr.InvokeContractArgs({
        contractAddress: new Address(id).toScAddress(),
        functionName: name,
        args: [...args],
      }),
    ),
    subInvocations: inner.map(invocationOf),
  });
}

function entry(root: Invocation): string {
  return new xdr.SorobanAuthorizationEntry({
    credentials: xdr.SorobanCredentials.sorobanCredentialsSourceAccount(),
    rootInvocation: invocationOf(root),
  }).toXdr("base64");
}

const honest = entry({ ...PAY, inner: [TRANSFER] });

test("one transfer of the price inside the call is what a payer agrees to, whoever receives it", () => {
  expect(authorizesOnlyPayment([honest], CALL)).toBe(true);
  for (const to of [account(9), contract(9)])
    expect(
      authorizesOnlyPayment(
        [
          entry({
            ...PAY,
            inner: [{ ...TRANSFER, args: [address(PAYER), address(to), amount(100n)] }],
          }),
        ],
        CALL,
      ),
    ).toBe(true);
});

test.each<readonly [string, readonly unknown[]]>([
  [
    "a transfer of more",
    [
      entry({
        ...PAY,
        inner: [{ ...TRANSFER, args: [address(PAYER), address(RECEIVER), amount(101n)] }],
      }),
    ],
  ],
  [
    "a transfer of another asset",
    [entry({ ...PAY, inner: [{ ...TRANSFER, contract: contract(8) }] })],
  ],
  [
    "an approval in place of the transfer",
    [entry({ ...PAY, inner: [{ ...TRANSFER, name: "approve" }] })],
  ],
  ["a second transfer", [entry({ ...PAY, inner: [TRANSFER, TRANSFER] })]],
  [
    "something inside the transfer",
    [entry({ ...PAY, inner: [{ ...TRANSFER, inner: [TRANSFER] }] })],
  ],
  ["no transfer", [entry(PAY)]],
  [
    "a transfer from another account",
    [
      entry({
        ...PAY,
        inner: [{ ...TRANSFER, args: [address(account(4)), address(RECEIVER), amount(100n)] }],
      }),
    ],
  ],
  [
    "another order",
    [
      entry({
        ...PAY,
        args: [address(PAYER), amount(100n), orderId("order-2")],
        inner: [TRANSFER],
      }),
    ],
  ],
  ["another function", [entry({ ...PAY, name: "pay_xlm", inner: [TRANSFER] })]],
  ["another contract", [entry({ ...PAY, contract: contract(7), inner: [TRANSFER] })]],
  [
    "a number as the receiver",
    [entry({ ...PAY, inner: [{ ...TRANSFER, args: [address(PAYER), amount(1n), amount(100n)] }] })],
  ],
  ["a second entry", [honest, honest]],
  ["none", []],
  ["no text", [7]],
  ["an entry cut short", [honest.slice(0, 100)]],
  [
    "an entry with more behind it",
    [Buffer.concat([Buffer.from(honest, "base64"), Buffer.alloc(4)]).toString("base64")],
  ],
])("%s is not", (_what, entries) => {
  expect(authorizesOnlyPayment(entries, CALL)).toBe(false);
});
