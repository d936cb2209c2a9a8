import { TonClient } from "@ton/ton";
import { expect, test } from "vitest";
import { tonCommand } from "./cli.ts";
import { strangerAddress } from "./test-clients.ts";
import { type Run, startRun } from "../test-run.ts";

test("it says where it is, serves, gives, and stops cleanly when asked", async () => {
  const alice = strangerAddress();
  const friendly = alice.toString({ bounceable: false });
  const run = start(["--port", "0", "--block-time", "manual", "--fund", friendly, "--json"]);
  const ready = await run.ready();
  expect(ready).toMatchObject({
    event: "ready",
    usdt: expect.stringMatching(/^0:[\da-f]{64}$/) as string,
    lite: expect.stringMatching(/^127\.0\.0\.1:\d+\/[\w+/]{43}=$/) as string,
  });
  const client = new TonClient({ endpoint: String(ready["endpoint"]) });
  expect(await client.getBalance(alice)).toBe(100n * 10n ** 9n);
  const { latestSeqno } = await client.getMasterchainInfo();
  expect(await run.stop()).toBe(0);
  expect(run.text()).toContain(`{"event":"stopped","block":${latestSeqno}}`);
  await expect(fetch(String(ready["endpoint"]))).rejects.toThrow("fetch failed");
});

test("the banner names everything a developer copies", async () => {
  const run = start(["--port", "0", "--block-time", "2s", "--one-hop"]);
  await run.said("Ctrl-C");
  const words = ["/api/v2/jsonRPC", "every 2 s, one hop in each", "USDT", "EQ", "0:"];
  for (const word of words) expect(run.text()).toContain(word);
  expect(await run.stop()).toBe(0);
  expect(run.text()).toMatch(/Stopped at block \d+\./);
});

test.each([
  [["--port", "http"], "--port must be 0 to 65535"],
  [["--lite-port", "-1"], "--lite-port"],
  [["--fund", "me"], "--fund takes an address"],
  [["--block-time", "often"], "--block-time takes"],
  [["--block-time", "1ms"], "--block-time takes"],
  [["--block-time", "instant", "--one-hop"], "--one-hop needs blocks"],
  [["--colour"], "Unknown option '--colour'"],
  [["extra"], "Unexpected argument 'extra'"],
])("%j is told to be wrong", async (args, message) => {
  const run = start(args);
  expect(await run.exit).toBe(2);
  expect(run.errors()).toContain(message);
});

test("help is help", async () => {
  const run = start(["--help"]);
  expect(await run.exit).toBe(0);
  expect(run.text()).toContain("--block-time <time>");
});

const start = (args: readonly string[]): Run => startRun(tonCommand, args);
