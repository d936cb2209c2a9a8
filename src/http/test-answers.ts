/** What tests look at in answers and behind them. */
import { expect } from "vitest";
import type { ErrorBody } from "#wire";
import type { TestShop } from "./test-shop.ts";

/** The body of an error answer, after checking that its two vocabularies agree. */
export async function refusal(answer: Response): Promise<ErrorBody> {
  const body = (await answer.json()) as ErrorBody;
  expect(body).toMatchObject({
    error: body.code,
    message: body.detail,
    status: answer.status,
    request_id: answer.headers.get("x-request-id"),
  });
  return body;
}

export async function countOrders(shop: TestShop): Promise<number> {
  const counts = await shop.store.read.orders.countByState(null);
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
