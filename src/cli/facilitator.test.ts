import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { HTTPFacilitatorClient } from "@x402/core/http";
import { expect, onTestFinished, test } from "vitest";
import { openEvmStage } from "../../tests/fixtures/evm-stage.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;

interface Run {
  readonly line: string;
  readonly stop: () => Promise<number | null>;
}

/** Runs the command in a folder of its own until it has said its first line, or has ended. */
async function run(env: Readonly<Record<string, string>>): Promise<Run> {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-"));
  const child = spawn(process.execPath, [MAIN, "facilitator"], {
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit") as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });
  const errors: string[] = [];
  child.stderr.on("data", (chunk: Buffer) => errors.push(chunk.toString()));
  const said = once(createInterface(child.stdout), "line") as Promise<[string]>;
  const first = await Promise.race([said, ended]);
  return {
    line: typeof first[0] === "string" ? first[0] : errors.join(""),
    async stop() {
      child.kill("SIGTERM");
      return (await ended)[0];
    },
  };
}

test("the command serves the configured chain until it is told to stop", async () => {
  const stage = await openEvmStage();
  onTestFinished(() => stage.close());
  const prefix = "VEND402_EVM_137_";
  const { line, stop } = await run({
    [`${prefix}RPC`]: stage.front.url,
    [`${prefix}RELAY_KEYS`]: stage.keyOf(stage.relay),
    VEND402_FACILITATOR_PORT: "0",
    VEND402_FACILITATOR_KEYS: "key-of-a-seller-of-ours",
  });
  const url = /^facilitator at (http:\S+) for eip155:137$/.exec(line)?.[1];
  expect(line).toMatch(/^facilitator at/);
  const client = new HTTPFacilitatorClient({ url: url ?? "" });
  expect((await client.getSupported()).signers).toEqual({ "eip155:*": [stage.relay.address] });
  expect((await fetch(`${url}/verify`, { method: "POST" })).status).toBe(401);
  expect(await stop()).toBe(0);
});

test("without keys for the gas it says what is missing on every chain, and ends", async () => {
  const { line, stop } = await run({
    VEND402_EVM_137_RPC: "http://127.0.0.1:1",
    VEND402_TON_NETWORK: "mainnet",
    VEND402_TON_RPC: "http://127.0.0.1:1",
  });
  expect(line).toContain("VEND402_EVM_137_RELAY_KEYS is missing");
  expect(line).toContain("VEND402_TON_RELAY_KEY is missing");
  expect(await stop()).toBe(1);
});
