import { expect, test } from "vitest";
import { readPace, readWhole } from "./chain-command.ts";

test("paces are written as people write them", () => {
  const pace = (text: string) => readPace("every", text, 10);
  expect(["5s", "1s", "0.5s", "250ms", "instant", "manual"].map(pace)).toEqual([
    5000,
    1000,
    500,
    250,
    "instant",
    "manual",
  ]);
  for (const wrong of ["5", "s", "1ms", "2h", "-1s", "9999s"]) {
    expect(() => pace(wrong)).toThrow("--every takes 10ms to 3600s");
  }
});

test("whole numbers are within their bounds, and nothing else", () => {
  const whole = (text: string) => readWhole("port", text, [0, 65_535]);
  expect(["0", "8545", "65535"].map(whole)).toEqual([0, 8545, 65_535]);
  for (const wrong of ["", "-1", "65536", "1.5", "http"])
    expect(() => whole(wrong)).toThrow("--port must be 0 to 65535");
});
