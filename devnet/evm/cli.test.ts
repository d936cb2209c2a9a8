import { expect, test } from "vitest";
import { evmCommand } from "./cli.ts";
import { connect } from "./rpc.ts";
import { type Run, startRun } from "../test-run.ts";

const ALICE = "0x00000000000000000000000000000000000a11ce";

test("it says where it is, serves, gives, and stops cleanly when asked", async () => {
  const run = start(["--port", "0", "--block-time", "manual", "--fund", ALICE, "--json"]);
  const ready = await run.ready();
  expect(ready).toMatchObject({
    event: "ready",
    chainId: 137,
    network: "eip155:137",
    contracts: { usdc: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359" },
  });
  expect(ready["accounts"]).toHaveLength(10);
  const rpc = connect(String(ready["rpcUrl"]));
  expect(await rpc("eth_chainId")).toBe("0x89");
  expect(BigInt(String(await rpc("eth_getBalance", [ALICE, "latest"])))).toBe(100n * 10n ** 18n);
  await rpc("evm_mine");
  expect(await run.stop()).toBe(0);
  expect(run.text()).toContain('{"event":"stopped","block":1}');
  await expect(rpc("eth_chainId")).rejects.toThrow("fetch failed");
});

test("the banner names everything a developer copies", async () => {
  const run = start(["--port", "0", "--block-time", "2s", "--chain-id", "84532"]);
  await run.said("Ctrl-C");
  const words = [
    "RPC",
    "eip155:84532",
    "every 2 s, final 2 later",
    "USDC",
    "USDT",
    "Permit2",
    "key 0x",
  ];
  for (const word of words) expect(run.text()).toContain(word);
  expect(await run.stop()).toBe(0);
  expect(run.text()).toMatch(/Stopped at block \d+\./);
});

test.each([
  [["--port", "http"], "--port must be 0 to 65535"],
  [["--fund", "me"], "--fund takes an address"],
  [["--block-time", "often"], "--block-time takes"],
  [["--block-time", "1ms"], "--block-time takes"],
  [["--chain-id", "0"], "--chain-id must be 1 to"],
  [["--colour"], "Unknown option '--colour'"],
  [["extra"], "Unexpected argument 'extra'"],
])("%j is told to be wrong", async (args, message) => {
  const run = start(args);
  expect(await run.exit).toBe(2);
  expect(run.errors()).toContain(message);
});

test("an anvil that is not there is a message, not a crash", async () => {
  const run = start(["--port", "0", "--anvil", "/nonexistent/anvil"]);
  expect(await run.exit).toBe(1);
  expect(run.errors()).toContain("anvil could not be started");
});

test("help is help", async () => {
  const run = start(["--help"]);
  expect(await run.exit).toBe(0);
  expect(run.text()).toContain("--block-time <time>");
});

const start = (args: readonly string[]): Run => startRun(evmCommand, args);
