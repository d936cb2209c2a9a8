import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "./start.ts";

const README = readFileSync(new URL("README.md", import.meta.url), "utf8");

let devnet: TonDevnet;

beforeEach(async () => {
  devnet = await startTonDevnet({ blockTimeMs: 200 });
});

afterEach(() => devnet.close());

test("the example of the README runs as it is printed, but for the port", async () => {
  const example = /```js\n([\s\S]*?)```/.exec(README)?.[1] ?? "";
  expect(example).toContain("http://127.0.0.1:8081");
  const code = example.replace("http://127.0.0.1:8081", new URL(devnet.url).origin);
  const args = ["--input-type=module", "--eval", code];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: import.meta.dirname,
  });
  expect(stdout).toBe("paid 6.21 USDT\n");
});

test("the USDT and the lite server's key are those that the README names", () => {
  expect(README).toContain(`/${devnet.liteServer.publicKey}`);
  expect(README).toContain(devnet.minter.toString());
  expect(README).toContain(devnet.minter.toRawString());
});
