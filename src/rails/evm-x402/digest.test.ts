import fc from "fast-check";
import { getAddress, hashTypedData, type Address } from "viem";
import { generatePrivateKey, privateKeyToAccount, sign } from "viem/accounts";
import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { EXACT_PROXY, PERMIT2, wordOf, type Hex, type SignedPromise } from "./promise.ts";
import { recoverAddress } from "./recover.ts";

const uint = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n });
const address = fc.bigInt({ min: 0n, max: 2n ** 160n - 1n }).map((value): Hex => {
  return `0x${value.toString(16).padStart(40, "0")}`;
});
const promises = fc.record({
  method: fc.constantFrom("eip3009", "permit2"),
  from: address,
  to: address,
  token: address,
  atomic: uint,
  validAfter: uint,
  validBefore: uint,
  nonce: uint.map(wordOf),
  signature: fc.constant<Hex>("0x"),
});
const domains = fc.record({
  chainId: fc.integer({ min: 1, max: 2 ** 31 }),
  name: fc.string({ maxLength: 40 }),
  version: fc.string({ maxLength: 4 }),
});

test("what was signed is hashed as the reference library hashes it", () => {
  fc.assert(
    fc.property(promises, domains, (promise, domain) => {
      const expected = referenceDigest(promise, domain);
      expect(`0x${Buffer.from(digestOf(promise, domain)).toString("hex")}`).toBe(expected);
    }),
    { numRuns: 60 },
  );
});

test("the signer of a digest is recovered, and a changed digest or signature names somebody else", async () => {
  const key = generatePrivateKey();
  const digest = `0x${"5a".repeat(32)}` as const;
  const signature = await sign({ hash: digest, privateKey: key, to: "hex" });
  const bytes = Buffer.from(digest.slice(2), "hex");
  const signer = privateKeyToAccount(key).address.toLowerCase();
  expect(recoverAddress(bytes, signature)).toBe(signer);
  expect(recoverAddress(Buffer.from("5b".repeat(32), "hex"), signature)).not.toBe(signer);
  const flipped = signature.endsWith("1b") ? "1c" : "1b";
  expect(recoverAddress(bytes, signature.slice(0, -2) + flipped)).not.toBe(signer);
});

test.each([
  ["nothing", "0x"],
  ["64 bytes", `0x${"11".repeat(64)}`],
  ["a recovery id that no contract takes", `0x${"11".repeat(64)}00`],
  ["r and s of zero", `0x${"00".repeat(64)}1b`],
  ["r and s beyond the curve's order", `0x${"ff".repeat(64)}1b`],
  ["no hex", `0x${"zz".repeat(64)}1b`],
])("%s is nobody's signature", (_what, signature) => {
  expect(recoverAddress(Buffer.alloc(32, 1), signature)).toBeNull();
});

function referenceDigest(
  promise: SignedPromise,
  { chainId, name, version }: { chainId: number; name: string; version: string },
): Hex {
  const checked = (value: Hex): Address => getAddress(value);
  const uintField = <Name extends string>(field: Name) =>
    ({ name: field, type: "uint256" }) as const;
  if (promise.method === "eip3009")
    return hashTypedData({
      domain: {
        name,
        version,
        chainId: BigInt(chainId),
        verifyingContract: checked(promise.token),
      },
      types: {
        TransferWithAuthorization: [
          { name: "from", type: "address" },
          { name: "to", type: "address" },
          uintField("value"),
          uintField("validAfter"),
          uintField("validBefore"),
          { name: "nonce", type: "bytes32" },
        ],
        // As the library would infer it; an empty name or version is a member all the same.
        EIP712Domain: [
          { name: "name", type: "string" },
          { name: "version", type: "string" },
          uintField("chainId"),
          { name: "verifyingContract", type: "address" },
        ],
      },
      primaryType: "TransferWithAuthorization",
      message: {
        from: checked(promise.from),
        to: checked(promise.to),
        value: promise.atomic,
        validAfter: promise.validAfter,
        validBefore: promise.validBefore,
        nonce: promise.nonce,
      },
    });
  return hashTypedData({
    domain: { name: "Permit2", chainId, verifyingContract: checked(PERMIT2) },
    types: {
      PermitWitnessTransferFrom: [
        { name: "permitted", type: "TokenPermissions" },
        { name: "spender", type: "address" },
        uintField("nonce"),
        uintField("deadline"),
        { name: "witness", type: "Witness" },
      ],
      TokenPermissions: [{ name: "token", type: "address" }, uintField("amount")],
      Witness: [{ name: "to", type: "address" }, uintField("validAfter")],
    },
    primaryType: "PermitWitnessTransferFrom",
    message: {
      permitted: { token: checked(promise.token), amount: promise.atomic },
      spender: checked(EXACT_PROXY),
      nonce: BigInt(promise.nonce),
      deadline: promise.validBefore,
      witness: { to: checked(promise.to), validAfter: promise.validAfter },
    },
  });
}
