import { expect, test } from "vitest";
import { serveHttp } from "../../../tests/fixtures/http-server.ts";
import type { JsonObject } from "../../json.ts";
import type { StageInput, Supplier } from "../supplier.ts";
import { openSimCards } from "./index.ts";

const API_KEY = "the-api-key";

const CARD = {
  id: "card_1",
  reference: "att_1",
  status: "issued",
  number: "4000001234567899",
  cvv: "123",
  exp_month: 7,
  exp_year: 2029,
  currency: "USD",
  face_value: "25.00",
  cost: "24.60",
};

const INPUT: StageInput = {
  attemptId: "att_1",
  product: "prepaid-card",
  request: { faceUsdMicro: "25000000" },
  previous: { cardId: "card_1" },
  maxCostUsdMicro: 25_000_000n,
  startedAtMs: 0,
  signal: new AbortController().signal,
};

/** A supplier that gives this answer to everything. */
async function answering(status: number, body: string, contentType?: string): Promise<Supplier> {
  const url = await serveHttp((_, response) => {
    response.writeHead(status, { "content-type": contentType ?? "application/json" }).end(body);
  });
  return open(url);
}

function open(url: string): Supplier {
  const timeoutMs = 10_000;
  return openSimCards({
    url,
    apiKey: API_KEY,
    issueTimeoutMs: timeoutMs,
    activateTimeoutMs: timeoutMs,
    readTimeoutMs: timeoutMs,
  });
}

const problemText = (code: string): string => JSON.stringify({ code, detail: "4000001234567899" });

test.each([
  ["another reference", { reference: "att_2" }],
  ["another face value", { face_value: "500.00" }],
  ["another currency", { currency: "EUR" }],
])("a card with %s is not taken for ours", async (_, changes) => {
  const supplier = await answering(201, JSON.stringify({ ...CARD, ...changes }));
  const unknown = { kind: "unknown", reason: "answered with another purchase" };
  expect(await supplier.stages[0].run(INPUT)).toEqual(unknown);
  const active = { ...CARD, ...changes, status: "active" };
  const later = await answering(200, JSON.stringify(active));
  expect(await later.stages[1]?.run(INPUT)).toEqual(unknown);
});

test.each<[string, JsonObject]>([
  ["a number with letters", { number: "4000-0012-3456" }],
  ["a cvv as a JSON number", { cvv: 123 }],
  ["month 13", { exp_month: 13 }],
  ["a cost as a JSON number", { cost: 24.6 }],
  ["a cost with an exponent", { cost: "1e2" }],
  ["a negative cost", { cost: "-1.00" }],
  ["an id that would change the path", { id: "../admin" }],
  ["a status nobody documented", { status: "pending" }],
])("a card with %s is unreadable, so the purchase is unknown", async (_, changes) => {
  const supplier = await answering(201, JSON.stringify({ ...CARD, ...changes }));
  expect(await supplier.stages[0].run(INPUT)).toEqual({
    kind: "unknown",
    reason: "answered 201 with an unreadable body",
  });
});

test.each([
  ["409: an earlier request with our reference was taken", 409, problemText("reference_reused")],
  ["a code nobody documented", 400, problemText("mystery")],
  ["a refusal without a code", 403, "{}"],
  ["a code that is a sentence", 422, problemText("Card 4000001234567899 is gone")],
  ["a timeout of a gateway", 408, ""],
  ["a gateway error", 502, "{}"],
  ["a maintenance answer", 503, problemText("out_of_stock")],
])("%s: unknown, and nothing of its text is told", async (_, status, body) => {
  const supplier = await answering(status, body);
  expect(await supplier.stages[0].run(INPUT)).toEqual({
    kind: "unknown",
    reason: `answered ${status}`,
  });
});

test("a page of HTML with 403 is a gateway's, not the supplier's refusal", async () => {
  const supplier = await answering(403, "<h1>Forbidden</h1>", "text/html");
  expect((await supplier.stages[0].run(INPUT)).kind).toBe("unknown");
});

test("a refusal that is documented is told by its code alone", async () => {
  const supplier = await answering(422, problemText("out_of_stock"), "application/problem+json");
  expect(await supplier.stages[0].run(INPUT)).toEqual({
    kind: "failed",
    retryable: false,
    reason: "refused with 422 out_of_stock",
  });
});

test("a redirect is not followed: the API key goes to nobody else", async () => {
  const seen: (string | undefined)[] = [];
  const elsewhere = await serveHttp((request, response) => {
    seen.push(request.headers.authorization);
    response.end();
  });
  const url = await serveHttp((_, response) => {
    response.writeHead(307, { location: `${elsewhere}/v1/cards` }).end();
  });
  expect(await open(url).stages[0].run(INPUT)).toEqual({
    kind: "unknown",
    reason: "answered 307",
  });
  expect(seen).toEqual([]);
});

test("an activation that is confirmed without an active card is unknown", async () => {
  const supplier = await answering(200, JSON.stringify(CARD));
  expect(await supplier.stages[1]?.run(INPUT)).toEqual({
    kind: "unknown",
    reason: "activation was answered, the card is not active",
  });
});

test("another card in place of ours is not taken for activated", async () => {
  const other = { ...CARD, id: "card_2", status: "active" };
  const supplier = await answering(200, JSON.stringify(other));
  expect((await supplier.stages[1]?.run(INPUT))?.kind).toBe("unknown");
});

test("the request carries key, reference and decimal text, once", async () => {
  const requests: unknown[] = [];
  const url = await serveHttp((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const { authorization, "idempotency-key": key } = request.headers;
      requests.push({ path: request.url, authorization, key, body: JSON.parse(body) as unknown });
      response.destroy();
    });
  });
  expect((await open(url).stages[0].run(INPUT)).kind).toBe("unknown");
  expect(requests).toEqual([
    {
      path: "/v1/cards",
      authorization: `Bearer ${API_KEY}`,
      key: "att_1",
      body: { reference: "att_1", face_value: "25.00", currency: "USD" },
    },
  ]);
});
