import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { openEsimClient } from "./esim-access/test-client.ts";
import { openClient } from "./test-client.ts";

const cliUrl = new URL("cli.ts", import.meta.url).href;

/** The CLI as its own process, so that it can be killed. */
function runCli(args: readonly string[]): ReturnType<typeof spawn> {
  const script = `import { runSuppliersCli } from ${JSON.stringify(cliUrl)};
    process.exitCode = await runSuppliersCli(process.argv.slice(1));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, "--", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  return child;
}

function exitCode(child: ReturnType<typeof spawn>): Promise<number | null> {
  return new Promise((resolve) => {
    child.once("close", resolve);
  });
}

async function firstLine(child: ReturnType<typeof spawn>): Promise<string> {
  if (child.stdout === null) return "";
  for await (const line of createInterface(child.stdout)) return line;
  return "";
}

async function startCli(dataDir: string) {
  const child = runCli(["--port", "0", "--speed", "100000", "--json", "--data-dir", dataDir]);
  const line: unknown = JSON.parse(await firstLine(child));
  expect(line).toMatchObject({ event: "suppliers", card: {}, esim: {} });
  const { card, esim } = line as {
    card: { url: string; apiKey: string };
    esim: { url: string; accessCode: string; secret: string };
  };
  return { child, client: openClient(card), esim: openEsimClient(esim) };
}

test("what a killed supplier sold is still sold after its restart", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "card-supplier-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true }));
  const before = await startCli(dataDir);
  const sold = await before.client.issue("order-1");
  expect(sold.status).toBe(201);
  const ordered = await before.esim.order("order-1");
  const killed = exitCode(before.child);
  before.child.kill("SIGKILL");
  await killed;

  const after = await startCli(dataDir);
  expect((await after.client.issue("order-1")).body).toEqual(sold.body);
  expect((await after.esim.order("order-1")).obj).toEqual(ordered.obj);
  const ledger = await after.client.get("/__sim/ledger");
  expect(ledger.body["sold"]).toHaveLength(1);
  const stopped = exitCode(after.child);
  after.child.kill("SIGTERM");
  expect(await stopped).toBe(0);
}, 20_000);

test.each([
  [["--help"], 0],
  [["--speed", "fast"], 2],
  [["--port", "70000"], 2],
  [["--port", "65535"], 2],
  [["--esim-port", "x"], 2],
  [["--unknown"], 2],
])("the arguments %j end with code %i and the usage", async (args, code) => {
  const child = runCli(args);
  const stream = code === 0 ? child.stdout : child.stderr;
  let text = "";
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  expect(await exitCode(child)).toBe(code);
  expect(text).toContain("Usage: vend402-devnet suppliers [options]");
});
