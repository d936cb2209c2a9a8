import { describe, expect, test } from "vitest";
import { canonicalJson, type JsonObject } from "../../src/json.ts";
import { NO_PLANS, type Plans } from "../../src/products/plan.ts";
import { pieceOf, type Goods, type Product } from "../../src/products/product.ts";

/** A product with samples of what it reads and of what a supplier brings for it. */
export interface ProductBench {
  readonly product: Product;
  readonly plans: Plans;
  /** The wire's required fields of a piece that can be ordered. */
  readonly fields: JsonObject;
  readonly goods: Goods;
}

/** Whatever is not a piece, for every member of the fields in turn. */
const NOT_A_PIECE: readonly unknown[] = [
  undefined,
  null,
  true,
  -1,
  0.5,
  "",
  " ",
  "\u0000",
  "__proto__",
  "x".repeat(10_000),
  ["1"],
  {},
  { toString: () => "1" },
];

/** What every product promises, whatever it sells. */
export function productContract({ product, plans, fields, goods }: ProductBench): void {
  describe(`product ${product.id}`, () => {
    test("a piece has a price, and a request that is plain data and names the piece", () => {
      const read = product.read(fields, plans);
      expect(read?.priceUsdMicro).toBeGreaterThan(0n);
      const request = read?.request ?? {};
      expect(JSON.parse(canonicalJson(request) ?? "")).toEqual(request);
      expect(() => pieceOf(request)).not.toThrow();
      expect(product.read(fields, plans)).toEqual(read);
    });

    test.each(Object.keys(fields))(
      "%s: what names no piece is null, never an exception",
      (name) => {
        for (const value of NOT_A_PIECE) {
          expect(product.read({ ...fields, [name]: value }, plans)).toBeNull();
        }
        expect(product.read({}, plans)).toBeNull();
        expect(product.read({}, NO_PLANS)).toBeNull();
      },
    );

    test("members that are not the product's change nothing", () => {
      expect(product.read({ ...fields, metadata: { a: 1 }, unknown: "x" }, plans)).toEqual(
        product.read(fields, plans),
      );
    });

    test("the sample of its goods has all fields and no others", () => {
      expect(Object.keys(goods).toSorted()).toEqual(product.goodsFields.toSorted());
    });

    test("the owner reads every field that the product names, the goods among them unchanged", async () => {
      const view = await product.view(goods);
      expect(Object.keys(view).toSorted()).toEqual(product.viewFields.toSorted());
      expect(view).toMatchObject(goods);
      expect(Object.values(view)).not.toContain("");
      expect(await product.view(goods)).toEqual(view);
    });

    test("there is time to deliver it", () => {
      expect(product.deadlineMs).toBeGreaterThanOrEqual(10_000);
    });
  });
}
