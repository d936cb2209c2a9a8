import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";
import { parseEther } from "viem";
import { expect, test } from "vitest";
import { startAnvil } from "./anvil.ts";
import { startEvmDevnet } from "./start.ts";
import { clientOf, walletOf } from "./test-clients.ts";

const isWindows = process.platform === "win32";

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 20));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("blocks come by themselves, faster than once a second too", async () => {
  const devnet = await startEvmDevnet({ blockTimeMs: 200 });
  try {
    const startMs = performance.now();
    await until(async () => (await devnet.latestBlock()) >= 10);
    expect(performance.now() - startMs).toBeLessThan(9000);
  } finally {
    await devnet.close();
  }
});

test("on request only, a transaction waits, and a gift leaves it waiting", async () => {
  const devnet = await startEvmDevnet({ blockTimeMs: "manual" });
  try {
    const [payer, payee] = [walletOf(devnet, 0), walletOf(devnet, 1)];
    const to = payee.account.address;
    const hash = await payer.sendTransaction({ to, value: parseEther("1") });
    await devnet.fund(to, { usdc: 1n });
    expect(await devnet.latestBlock()).toBe(0);
    await devnet.mine();
    const { blockNumber } = await clientOf(devnet).getTransactionReceipt({ hash });
    expect(blockNumber).toBe(1n);
  } finally {
    await devnet.close();
  }
});

test("nothing runs on after close", async () => {
  const devnet = await startEvmDevnet({ blockTimeMs: "manual" });
  await devnet.close();
  await expect(devnet.rpc("eth_chainId")).rejects.toThrow("fetch failed");
  await expect(fetch(devnet.url)).rejects.toThrow("fetch failed");
});

test.skipIf(isWindows)(
  "anvil ends with the process that started it, even one that is killed",
  async () => {
    const code = `
      const { startAnvil } = await import(${JSON.stringify(new URL("anvil.ts", import.meta.url))});
      const { pid } = await startAnvil({ args: [] });
      console.log(pid);
    `;
    const parent = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(said.toString());
    expect(isRunning(pid)).toBe(true);
    parent.kill("SIGKILL");
    await until(() => !isRunning(pid));
  },
);

test("an anvil that is not there, or does not start, is an error that says so", async () => {
  const missing = startAnvil({ args: [], program: "/nonexistent/anvil" });
  await expect(missing).rejects.toThrow("anvil could not be started");
  await expect(startAnvil({ args: ["--no-such-option"] })).rejects.toThrow("anvil ended with code");
});

test.skipIf(isWindows)("a port that is taken is an error, and leaves no anvil behind", async () => {
  const first = await startEvmDevnet({ blockTimeMs: "manual" });
  try {
    const port = Number(new URL(first.url).port);
    await expect(startEvmDevnet({ blockTimeMs: "manual", port })).rejects.toThrow("EADDRINUSE");
    const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "ppid=,args="]);
    const mine = stdout.split("\n").filter((line) => {
      return line.trim().startsWith(`${process.pid} `) && line.includes("anvil --host");
    });
    expect(mine).toHaveLength(1);
  } finally {
    await first.close();
  }
});
