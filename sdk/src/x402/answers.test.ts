/** Shops that answer what they must not. */
import { expect, test } from "vitest";
import { BadAnswerError } from "../errors.ts";
import { parseAsked, parsePaymentResponse, parsePlans, parseX402Order } from "./answers.ts";

const ID = "ord_0000000000000000";
const TERMS = {
  scheme: "exact",
  network: "eip155:137",
  amount: "2040000",
  asset: "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359",
  payTo: "0x1111111111111111111111111111111111111111",
  maxTimeoutSeconds: 900,
  extra: { orderId: ID },
};
const BODY = {
  order_id: ID,
  price: { amount: "2.04", currency: "USD" },
  expires_at: "2099-01-01T00:00:00.000Z",
  deposits: [],
};
const ORDER = {
  order_id: ID,
  status: "PENDING_PAYMENT",
  price: BODY.price,
  payment: { state: "none" },
  refunds: [],
  created_at: BODY.expires_at,
  updated_at: BODY.expires_at,
  expires_at: BODY.expires_at,
};
const ESIM = {
  iccid: "89999000000000000016",
  activation_code: "LPA:1$rsp.example$AB",
  smdp_address: "rsp.example",
  matching_id: "AB",
  qr_svg: "<svg/>",
  qr_png: "data:",
  apn: "internet",
};

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
const required = (changes: object) =>
  encode({ x402Version: 2, accepts: [{ ...TERMS, ...changes }], resource: {}, extensions: {} });

test("a sound 402 is read, with terms and without", () => {
  expect(parseAsked(BODY, required({}))).toMatchObject({
    orderId: ID,
    priceUsd: "2.04",
    terms: { accepts: [TERMS] },
  });
  expect(parseAsked(BODY, null).terms).toEqual({ accepts: [], required: null, deposits: [] });
});

test.each<readonly [string, unknown, string | null]>([
  ["no order", { ...BODY, order_id: undefined }, null],
  ["an id that climbs", { ...BODY, order_id: "../keys" }, null],
  ["a price that is a number", { ...BODY, price: { amount: 2.04 } }, null],
  ["no end", { ...BODY, expires_at: "soon" }, null],
  ["a header that is no base64", BODY, "%%%"],
  ["another version", BODY, encode({ x402Version: 3, accepts: [] })],
  ["terms of another order", BODY, required({ extra: { orderId: "ord_1111111111111111" } })],
  ["a negative price", BODY, required({ amount: "-1" })],
  ["a payee that is none", BODY, required({ payTo: "me" })],
  ["a promise for ever", BODY, required({ maxTimeoutSeconds: 10 ** 9 })],
  ["no list of terms", BODY, encode({ x402Version: 2, accepts: TERMS })],
])("a 402 with %s is not trusted", (_what, json, header) => {
  expect(() => parseAsked(json, header)).toThrow(BadAnswerError);
});

test.each<readonly [string, object]>([
  ["another order", { order_id: "ord_1111111111111111" }],
  ["no state of payment", { payment: {} }],
  ["refunds that are no list", { refunds: {} }],
  ["an eSIM without its code", { esim: { ...ESIM, activation_code: undefined } }],
  ["an eSIM with a strange number", { esim: { ...ESIM, iccid: "1" } }],
  ["a card that is none", { card: { number: "x" } }],
])("an order with %s is not trusted", (_what, changes) => {
  expect(parseX402Order(ORDER, ID)).toEqual(ORDER);
  expect(parseX402Order({ ...ORDER, esim: ESIM }, ID).esim).toEqual(ESIM);
  expect(() => parseX402Order({ ...ORDER, ...changes }, ID)).toThrow(BadAnswerError);
});

test("what is wrong with goods is said without showing them", () => {
  const esim = { ...ESIM, activation_code: "secret\u0000" };
  const parse = () => parseX402Order({ ...ORDER, esim }, ID);
  expect(parse).toThrow(/activation_code/);
  expect(parse).not.toThrow(/secret/);
});

test("a payment response says whether it succeeded, or is not trusted", () => {
  const failure = {
    success: false,
    errorReason: "insufficient_funds",
    transaction: "",
    network: "eip155:137",
  };
  expect(parsePaymentResponse(null)).toBeNull();
  expect(parsePaymentResponse(encode(failure))).toEqual(failure);
  for (const wrong of [
    { ...failure, success: "no" },
    { ...failure, transaction: 7 },
  ])
    expect(() => parsePaymentResponse(encode(wrong))).toThrow(BadAnswerError);
});

test("a catalogue that is none is not trusted", () => {
  for (const wrong of [[], { plans: {} }, { plans: [{ plan_id: "a", countries: [1] }] }])
    expect(() => parsePlans(wrong)).toThrow(BadAnswerError);
});
