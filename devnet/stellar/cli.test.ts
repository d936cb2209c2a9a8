import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Keypair } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import { stellarCommand } from "./cli.ts";
import { call } from "./rpc/test-client.ts";
import { type Run, startRun } from "../test-run.ts";

test("it says where it is, serves, and stops cleanly when asked", async () => {
  const address = Keypair.random().publicKey();
  const run = start([
    "--port",
    "0",
    "--close-every",
    "manual",
    "--usdc",
    "--fund",
    address,
    "--json",
  ]);
  const ready = await run.ready();
  expect(ready).toMatchObject({ event: "ready", protocolVersion: 27, usdc: { code: "USDC" } });
  const url = String(ready["rpcUrl"]);
  const { result } = await call(url, "getNetwork");
  expect(result?.["passphrase"]).toBe(ready["passphrase"]);
  expect((await fetch(`${String(ready["friendbotUrl"])}?addr=${address}`)).status).toBe(400);
  expect(await run.stop()).toBe(0);
  await expect(call(url, "getHealth")).rejects.toThrow("fetch failed");
});

test("the banner names everything a developer copies", async () => {
  const run = start(["--port", "0", "--close-every", "5s", "--usdc"]);
  await run.said("Ctrl-C");
  const text = run.text();
  for (const word of [
    "RPC",
    "passphrase",
    "friendbot",
    "every 5 s",
    "USDC issuer",
    "USDC faucet",
  ]) {
    expect(text).toContain(word);
  }
  expect(await run.stop()).toBe(0);
  expect(run.text()).toMatch(/Stopped at ledger \d+\./);
});

test("with a folder, the second run goes on from the first", async () => {
  const dir = mkdtempSync(join(tmpdir(), "vend402-cli-"));
  const args = ["--port", "0", "--close-every", "manual", "--data", dir, "--json"];
  const first = start([...args, "--fund", Keypair.random().publicKey()]);
  expect((await first.ready())["ledger"]).toBe(2);
  await first.stop();
  const second = start(args);
  expect((await second.ready())["ledger"]).toBe(2);
  await second.stop();
  rmSync(dir, { recursive: true });
});

test.each([
  [["--port", "http"], "--port must be 0 to 65535"],
  [["--fund", "me"], "--fund takes an account address"],
  [["--close-every", "often"], "--close-every takes"],
  [["--colour"], "Unknown option '--colour'"],
  [["extra"], "Unexpected argument 'extra'"],
])("%j is told to be wrong", async (args, message) => {
  const run = start(args);
  expect(await run.exit).toBe(2);
  expect(run.errors()).toContain(message);
});

test("a port that is taken is a message, not a crash", async () => {
  const first = start(["--port", "0", "--close-every", "manual", "--json"]);
  const { port } = new URL(String((await first.ready())["rpcUrl"]));
  const second = start(["--port", port]);
  expect(await second.exit).toBe(1);
  expect(second.errors()).toContain("EADDRINUSE");
  await first.stop();
});

test("help is help", async () => {
  const run = start(["--help"]);
  expect(await run.exit).toBe(0);
  expect(run.text()).toContain("--close-every <time>");
});

const start = (args: readonly string[]): Run => startRun(stellarCommand, args);
