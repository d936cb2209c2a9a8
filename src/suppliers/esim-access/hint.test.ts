import { expect, test } from "vitest";
import { readHint } from "./hint.ts";

test("a hook about an order names its attempt", () => {
  expect(
    readHint({
      notifyType: "ORDER_STATUS",
      notifyId: "1",
      eventGenerateTime: "2026-11-20T12:00:00.000Z",
      content: { orderNo: "B1", orderStatus: "GOT_RESOURCE", transactionId: "att_06cd" },
    }),
  ).toEqual({ attemptId: "att_06cd" });
});

test.each([
  ["the health check", { notifyType: "CHECK_HEALTH", content: { orderNo: "1234567890" } }],
  ["an event of a device", { notifyType: "SMDP_EVENT", content: { transactionId: "att_1" } }],
  ["an order without our reference", { notifyType: "ORDER_STATUS", content: { orderNo: "B1" } }],
  [
    "a reference that is none of ours",
    { notifyType: "ORDER_STATUS", content: { transactionId: "../x" } },
  ],
  ["a reference that is no text", { notifyType: "ORDER_STATUS", content: { transactionId: 7 } }],
  ["nothing", undefined],
  ["a text", "ORDER_STATUS"],
])("%s is about no attempt", (_, body) => {
  expect(readHint(body)).toBeNull();
});
