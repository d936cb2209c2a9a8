import fc from "fast-check";
import { expect, test } from "vitest";
import { productContract } from "../../../tests/contracts/product.ts";
import { formatDecimal } from "../../money.ts";
import { NO_PLANS } from "../plan.ts";
import { prepaidCard } from "./index.ts";

productContract({
  product: prepaidCard,
  plans: NO_PLANS,
  fields: { amount_usdc: "10.50" },
  goods: { number: "4000001234567899", cvv: "123", expiry: "07/29", brand: "USD Visa Card" },
});

test("a card costs its face value", () => {
  expect(prepaidCard.read({ amount_usdc: "10.50" })).toEqual({
    request: { faceUsdMicro: "10500000" },
    priceUsdMicro: 10_500_000n,
  });
});

test("every whole number of cents is a card, and its price that many cents", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 1n, max: 10n ** 12n }), (cents) => {
      const read = prepaidCard.read({ amount_usdc: formatDecimal(cents, 2) });
      expect(read?.priceUsdMicro).toBe(cents * 10_000n);
    }),
  );
});

test.each([
  undefined,
  null,
  10,
  true,
  ["10"],
  { toString: () => "10" },
  "",
  "0",
  "0.00",
  "-1",
  "10.001",
  "1e1",
  " 10",
  "10 ",
  "ten",
  "9".repeat(40),
])("%j is not a face value", (amount) => {
  expect(prepaidCard.read({ amount_usdc: amount })).toBeNull();
});

test("a request without a face value is no card", () => {
  expect(prepaidCard.read({})).toBeNull();
});

test("the goods are the fields of the card on the wire", () => {
  expect(prepaidCard.goodsFields).toEqual(["number", "cvv", "expiry", "brand"]);
});
