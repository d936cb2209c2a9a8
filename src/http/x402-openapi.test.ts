import Schema from "typebox/schema";
import { expect, test } from "vitest";
import { failed, unknown } from "../outcome.ts";
import { openX402Shop, ORDER_URL, paymentV2, PLAN, type X402Shop } from "./test-x402.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

/** Holds answers against the document; keeps which of it was seen. */
async function openChecker({ shop }: X402Shop) {
  const document = (await (await shop.ask("/openapi.json")).json()) as { readonly paths: Paths };
  const seen = new Set<string>();
  const check = async (path: string, answer: Response, method = "get"): Promise<void> => {
    const operation = document.paths[path]?.[method];
    const schema = operation?.responses[answer.status]?.content?.["application/json"]?.schema;
    if (schema === undefined)
      throw new Error(`${method} ${path} answers an undocumented ${answer.status}`);
    const [, errors] = Schema.Errors(schema, await answer.json());
    expect(errors).toEqual([]);
    seen.add(`${operation?.operationId ?? ""} ${answer.status}`);
  };
  return { check, seen };
}

test("what is answered over x402 is what the document says", async () => {
  const x402 = await openX402Shop();
  const { shop, chain } = x402;
  const { check, seen } = await openChecker(x402);
  const post = async (body?: object, headers?: Readonly<Record<string, string>>) =>
    check(ORDER_URL, await x402.order(body, headers), "post");
  const asked = await x402.challenge({ plan_id: PLAN.id, metadata: { job: 7 } });
  const { order_id: id, access_token: token = "" } = asked.body;
  const read = async (headers: Readonly<Record<string, string>> = {}) =>
    check(
      `${ORDER_URL}/{id}`,
      await shop.ask(`${ORDER_URL}/${id}`, { headers: { "x-api-key": null, ...headers } }),
    );
  await post();
  await read();
  await post({});
  await post({ plan_id: "none" });
  chain.verdict = unknown("nobody answers");
  await post(undefined, paymentV2(asked));
  chain.verdict = failed("permit2_allowance_required", "final");
  await post(undefined, paymentV2(asked));
  chain.verdict = { kind: "done", value: null };
  await post(undefined, paymentV2(asked));
  await read();
  await x402.mine(id);
  await read();
  await shop.deliver(id);
  await read({ "x-access-token": token });
  await post(undefined, { ...paymentV2(asked), "x-access-token": token });
  const pay = `${ORDER_URL}/{id}/pay`;
  await check(pay, await shop.ask(`${ORDER_URL}/${id}/pay`), "get");
  await check(pay, await shop.ask(`${ORDER_URL}/unknown/pay`, { body: {} }), "post");
  const late = await x402.challenge({ plan_id: PLAN.id, client_ref: "late" });
  shop.world.skewMs = 900_001;
  await check(pay, await shop.ask(late.body.pay_url), "get");
  await check(`${ORDER_URL}/{id}`, await shop.ask(`${ORDER_URL}/unknown`));
  await check(`${ORDER_URL}/{id}/events`, await shop.ask(`${ORDER_URL}/unknown/events`));
  await check("/api/v1/x402/plans", await shop.ask("/api/v1/x402/plans"));
  await check("/api/v1/x402/plans", await shop.ask("/api/v1/x402/plans?country=?"));
  await check("/.well-known/x402", await shop.ask("/.well-known/x402"));
  const hint = await shop.ask("/api/v1/hooks/suppliers/sim", { body: {} });
  await check("/api/v1/hooks/suppliers/{id}", hint, "post");
  expect(Array.from(seen).toSorted()).toMatchInlineSnapshot(`
    [
      "discoverX402 200",
      "getX402Order 200",
      "getX402Order 404",
      "hintFromSupplier 200",
      "listPlans 200",
      "listPlans 400",
      "orderByX402 200",
      "orderByX402 202",
      "orderByX402 400",
      "orderByX402 402",
      "orderByX402 404",
      "orderByX402 412",
      "orderByX402 502",
      "payX402Order 404",
      "payX402OrderByGet 200",
      "payX402OrderByGet 410",
      "streamX402Order 404",
    ]
  `);
});
