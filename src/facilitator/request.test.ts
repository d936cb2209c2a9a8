import fc from "fast-check";
import { expect, test } from "vitest";
import { failed } from "../outcome.ts";
import { readRequest } from "./request.ts";
import type { ServedScheme } from "./served.ts";

const nobody = async () => failed("nobody is asked here", "final");

const served: ServedScheme = {
  scheme: "exact",
  network: "eip155:137",
  networkV1: "polygon",
  family: "eip155:*",
  signers: [],
  x402: {
    terms: () => [],
    read: () => ({ kind: "invalid", reason: "invalid_payload" }),
    verify: nobody,
    settle: nobody,
    fate: nobody,
  },
};
const schemes = [served, { ...served, network: "tvm:-239", networkV1: null }];

const terms = {
  scheme: "exact",
  network: "eip155:137",
  amount: "1",
  asset: "0x01",
  payTo: "0x02",
  maxTimeoutSeconds: 60,
  extra: { name: "USD Coin" },
};

const request = (
  required: object,
  version: unknown = 2,
  payload: object = { x402Version: version },
) => ({ x402Version: version, paymentPayload: payload, paymentRequirements: required });

test("a request of version 2 is for the scheme that serves its network", () => {
  expect(readRequest(request(terms), schemes)).toEqual({
    kind: "asked",
    asked: { version: 2, payload: { x402Version: 2 }, terms, served },
  });
  const ton = { ...terms, network: "tvm:-239" };
  expect(readRequest(request(ton), schemes)).toMatchObject({
    asked: { served: { network: "tvm:-239" } },
  });
});

test("a request of version 1 calls amount and network otherwise, and means the same", () => {
  const { amount, ...others } = terms;
  const required = { ...others, network: "polygon", maxAmountRequired: amount };
  expect(readRequest(request(required, 1), schemes)).toEqual({
    kind: "asked",
    asked: { version: 1, payload: { x402Version: 1 }, terms, served },
  });
});

test("the version may stand in the payload alone", () => {
  const { x402Version: _, ...body } = request(terms);
  expect(readRequest(body, schemes).kind).toBe("asked");
});

test.each([
  ["a version that there is none of", request(terms, 3), "invalid_x402_version"],
  ["two versions at once", request(terms, 2, { x402Version: 1 }), "invalid_x402_version"],
  ["a network of nobody", request({ ...terms, network: "eip155:1" }), "invalid_network"],
  [
    "the name of version 1 in version 2",
    request({ ...terms, network: "polygon" }),
    "invalid_network",
  ],
  ["another scheme", request({ ...terms, scheme: "upto" }), "unsupported_scheme"],
])("%s is refused with a reason", (_what, body, reason) => {
  expect(readRequest(body, schemes)).toMatchObject({ kind: "refused", reason });
});

test.each([
  ["amount", ["-1", "1.0", "0x1", 1, "", "9".repeat(79)]],
  ["maxTimeoutSeconds", [-1, 1.5, "60", Number.MAX_SAFE_INTEGER + 1]],
  ["asset", ["", 7, "x".repeat(257)]],
  ["payTo", ["", null]],
  ["network", [137, ["eip155:137"]]],
  ["extra", ["text", [1]]],
])("terms with a wrong %s are no request", (name, values) => {
  for (const value of values)
    expect(readRequest(request({ ...terms, [name]: value }), schemes)).toMatchObject({
      kind: "garbage",
      detail: expect.stringMatching(name === "amount" ? /amount/ : /paymentRequirements/) as string,
    });
});

test("whatever JSON comes is read without an exception, and never taken for a request by chance", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (version, payload, required) => {
      const body = { x402Version: version, paymentPayload: payload, paymentRequirements: required };
      for (const one of [body, version, payload])
        expect(["garbage", "refused"]).toContain(readRequest(one, schemes).kind);
    }),
  );
});
