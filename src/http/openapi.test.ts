import { expect, expectTypeOf, test } from "vitest";
import type { Static } from "typebox";
import Schema from "typebox/schema";
import type {
  CreateOrderRequest,
  CreateOrderResponse,
  ErrorBody,
  OrderListItem,
  OrderView,
  UsageView,
} from "#wire";
import type {
  PlanList,
  X402Challenge,
  X402Discovery,
  X402OrderRequest,
  X402OrderView,
  X402PaidOrder,
} from "#wire/x402";
import {
  type CreatedOrder,
  type ErrorAnswer,
  NewOrder,
  type OrderList,
  type OrderStatusView,
  type Usage,
} from "./schemas.ts";
import type {
  Discovery,
  Plans,
  X402ChallengeBody,
  X402NewOrder,
  X402Order,
  X402PaidBody,
} from "./schemas-x402.ts";
import { openTestShop, type TestShop } from "./test-shop.ts";

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}

interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

async function readDocument(shop: TestShop): Promise<Document> {
  const answer = await shop.ask("/openapi.json", { headers: { "x-api-key": null } });
  expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
  return (await answer.json()) as Document;
}

test("the schemas say what the wire types say", () => {
  expectTypeOf<Static<typeof CreatedOrder>>().toExtend<CreateOrderResponse>();
  // A list of the wire is read-only, which a schema cannot say.
  type Listless<Value> = Omit<Value, "payment_options">;
  expectTypeOf<Listless<CreateOrderResponse>>().toExtend<Listless<Static<typeof CreatedOrder>>>();
  expectTypeOf<Static<typeof OrderStatusView>>().toExtend<OrderView>();
  expectTypeOf<Static<typeof OrderList>[number]>().toExtend<OrderListItem>();
  expectTypeOf<OrderListItem>().toExtend<Static<typeof OrderList>[number]>();
  expectTypeOf<Static<typeof Usage>>().toExtend<UsageView>();
  expectTypeOf<UsageView>().toExtend<Static<typeof Usage>>();
  expectTypeOf<Static<typeof NewOrder>>().toExtend<CreateOrderRequest>();
  expectTypeOf<ErrorBody>().toExtend<Static<typeof ErrorAnswer>>();
  expectTypeOf<Static<typeof X402NewOrder>>().toExtend<X402OrderRequest>();
  expectTypeOf<Static<typeof X402ChallengeBody>>().toExtend<X402Challenge>();
  expectTypeOf<Static<typeof X402Order>>().toExtend<X402OrderView>();
  expectTypeOf<Static<typeof X402PaidBody>>().toExtend<X402PaidOrder>();
  expectTypeOf<Static<typeof Plans>>().toExtend<PlanList>();
  expectTypeOf<Static<typeof Discovery>>().toExtend<X402Discovery>();
  expect(Object.keys(NewOrder.properties)).toEqual([
    "amount_usdc",
    "webhook_url",
    "metadata",
    "note",
  ]);
});

test("the document lists every route of the server and no other", async () => {
  const shop = await openTestShop();
  const document = await readDocument(shop);
  expect(document.openapi).toBe("3.1.0");
  expect(document.servers).toEqual([{ url: "https://shop.example" }]);
  const listed = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(listed.toSorted()).toEqual([
    "GET /.well-known/x402",
    "GET /api/v1/x402/order/{id}",
    "GET /api/v1/x402/order/{id}/events",
    "GET /api/v1/x402/order/{id}/pay",
    "GET /api/v1/x402/plans",
    "GET /api/version",
    "GET /docs/errors",
    "GET /healthz",
    "GET /llms.txt",
    "GET /readyz",
    "GET /status",
    "GET /v1/orders",
    "GET /v1/orders/{id}",
    "GET /v1/orders/{id}/stream",
    "GET /v1/usage",
    "POST /api/v1/hooks/suppliers/{id}",
    "POST /api/v1/x402/order",
    "POST /api/v1/x402/order/{id}/pay",
    "POST /v1/orders",
  ]);
  // Each answers something else than "there is nothing here" to its method.
  for (const line of listed) {
    const [method = "", path = ""] = line.split(" ");
    const answer = await shop.ask(path.replace("{id}", "ord_unknown"), {
      method,
      ...(method === "POST" ? { body: {} } : {}),
    });
    const body = (await answer.json().catch(() => ({}))) as Partial<ErrorBody>;
    expect([undefined, "order_not_found", "invalid_amount", "invalid_request"]).toContain(
      body.code,
    );
  }
});

test("the routes behind a key say so, and those where one is welcome", async () => {
  const { paths } = await readDocument(await openTestShop());
  const securityOf = (prefix: string, isThere: boolean) =>
    Object.entries(paths)
      .filter(([path]) => path.startsWith(prefix) === isThere)
      .flatMap(([, operations]) => Object.values(operations))
      .map(({ security }) => security);
  const behind = securityOf("/v1/", true);
  expect(new Set(behind.map((each) => JSON.stringify(each)))).toEqual(new Set(['[{"apiKey":[]}]']));
  const welcome = securityOf("/api/v1/x402/order", true);
  expect(welcome.length).toBe(5);
  for (const each of welcome) expect(each).toEqual(expect.arrayContaining([{}, { apiKey: [] }]));
  const open = new Set(securityOf("/v1/", false).filter((each) => !welcome.includes(each)));
  expect(open).toEqual(new Set([undefined]));
});

test("what the server really answers is what the document says", async () => {
  const shop = await openTestShop();
  const { paths } = await readDocument(shop);
  const seen = new Set<string>();
  const check = async (path: string, answer: Response, method = "get"): Promise<void> => {
    const operation = paths[path]?.[method];
    const schema = operation?.responses[answer.status]?.content?.["application/json"]?.schema;
    if (schema === undefined)
      throw new Error(`${method} ${path} answers an undocumented ${answer.status}`);
    const body: unknown = await answer.json();
    const [, errors] = Schema.Errors(schema, body);
    expect(errors).toEqual([]);
    seen.add(`${operation?.operationId ?? ""} ${answer.status}`);
  };
  const created = await shop.ask("/v1/orders", {
    body: { amount_usdc: "10.00", metadata: { a: 1 } },
  });
  const { order_id: id } = (await created.clone().json()) as CreateOrderResponse;
  await check("/v1/orders", created, "post");
  await check("/v1/orders", await shop.ask("/v1/orders", { body: {} }), "post");
  await check(
    "/v1/orders",
    await shop.ask("/v1/orders", { body: "x", headers: { "content-type": "text/plain" } }),
    "post",
  );
  const read = async () => check("/v1/orders/{id}", await shop.ask(`/v1/orders/${id}`));
  await read();
  await shop.pay(id);
  await read();
  await check("/v1/orders", await shop.ask("/v1/orders"));
  await shop.deliver(id);
  await read();
  const other = (await shop.order()).order_id;
  await shop.pay(other);
  await shop.giveUp(other);
  await shop.signRefund(other);
  await shop.confirmRefund(other);
  await check("/v1/orders/{id}", await shop.ask(`/v1/orders/${other}`));
  await check("/v1/orders/{id}", await shop.ask("/v1/orders/nothing"));
  await check("/v1/orders/{id}/stream", await shop.ask("/v1/orders/nothing/stream"));
  await check("/v1/orders", await shop.ask("/v1/orders?limit=x"));
  await check("/v1/usage", await shop.ask("/v1/usage"));
  await check("/v1/usage", await shop.ask("/v1/usage", { headers: { "x-api-key": null } }));
  for (const path of ["/status", "/healthz", "/readyz", "/api/version"])
    await check(path, await shop.ask(path));
  expect(Array.from(seen).toSorted()).toMatchInlineSnapshot(`
    [
      "createOrder 201",
      "createOrder 400",
      "createOrder 415",
      "getHealth 200",
      "getOrder 200",
      "getOrder 404",
      "getReadiness 200",
      "getStatus 200",
      "getUsage 200",
      "getUsage 401",
      "getVersion 200",
      "listOrders 200",
      "listOrders 400",
      "streamOrder 404",
    ]
  `);
});
