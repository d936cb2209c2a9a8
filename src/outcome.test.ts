import { expect, test } from "vitest";
import { done, failed, unknown } from "./outcome.ts";

test("an outcome says whether it happened, and a failure whether to try again", () => {
  expect(done(7)).toEqual({ kind: "done", value: 7 });
  expect(failed("no stock", "final")).toEqual({
    kind: "failed",
    retryable: false,
    reason: "no stock",
  });
  expect(failed("busy", "retry")).toMatchObject({ kind: "failed", retryable: true });
});

test("unknown is not a failure: it has no retry to branch on", () => {
  expect(unknown("the answer was lost")).toEqual({
    kind: "unknown",
    reason: "the answer was lost",
  });
});
