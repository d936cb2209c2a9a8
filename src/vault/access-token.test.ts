import { createSecretKey } from "node:crypto";
import { expect, test } from "vitest";
import { createAccessTokens } from "./access-token.ts";

const pepper = (byte: number) => createSecretKey(Buffer.alloc(32, byte));

test("an order has one token, which another order or another pepper does not give", () => {
  const tokenOf = createAccessTokens(pepper(1));
  const token = tokenOf("ord_1");
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(createAccessTokens(pepper(1))("ord_1")).toBe(token);
  expect(tokenOf("ord_2")).not.toBe(token);
  expect(createAccessTokens(pepper(2))("ord_1")).not.toBe(token);
});
