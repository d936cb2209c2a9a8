import { expect, test } from "vitest";
import { parseKeyring } from "./keyring.ts";

const first = "0123456789abcdef".repeat(4);
const second = "fedcba9876543210".repeat(4);

test("the first key is the current one, the others only open", () => {
  const keyring = parseKeyring(`k2:${first}, k1:${second}`);
  expect(keyring).toMatchObject({ currentId: "k2" });
  if (typeof keyring === "string") return;
  expect([...keyring.keys.keys()]).toEqual(["k2", "k1"]);
  expect(Buffer.from(keyring.keys.get("k1") ?? []).toString("hex")).toBe(second);
});

// oxfmt-ignore
test.each([
  ["nothing",                "",                              'entry 1 is not "<id>:<64 hex digits>"'],
  ["a key without an id",    first,                           'entry 1 is not "<id>:<64 hex digits>"'],
  ["a key that is short",    `k1:${first.slice(2)}`,          'entry 1 is not "<id>:<64 hex digits>"'],
  ["a trailing comma",       `k1:${first},`,                  'entry 2 is not "<id>:<64 hex digits>"'],
  ["upper-case hex",         `k1:${first.toUpperCase()}`,     'entry 1 is not "<id>:<64 hex digits>"'],
  ["an id twice",            `k1:${first},k1:${second}`,      "the key id of entry 2 occurs twice"],
  ["a key of zeros",         `k1:${"0".repeat(64)}`,          "the key of entry 1 is not random"],
  ["a key of one byte",      `k2:${first},k1:${"ab".repeat(32)}`, "the key of entry 2 is not random"],
])("%s is refused without repeating any of it", (_name, text, problem) => {
  expect(parseKeyring(text)).toBe(problem);
});
