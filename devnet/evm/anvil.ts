import { type ChildProcess, spawn } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import type { Address, Hex } from "./hex.ts";

export interface AnvilOptions {
  /** Further arguments of anvil. */
  readonly args: readonly string[];
  /** The native program; by default that of the npm package for this system. */
  readonly program?: string;
}

/** Well known keys: never for a real network. */
export interface DevAccount {
  readonly address: Address;
  readonly privateKey: Hex;
}

export interface Anvil {
  readonly url: string;
  readonly pid: number;
  readonly accounts: readonly DevAccount[];
  /** Resolves when the process is gone. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

/** Starts anvil on a free port of this machine. It ends with `stop`, or when this process does, killed or not. */
export async function startAnvil({ args, program = anvilProgram() }: AnvilOptions): Promise<Anvil> {
  // A group of its own: Ctrl-C in a terminal is for us, and we stop it.
  const child = spawn(program, ["--host", "127.0.0.1", "--port", "0", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const gone = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
  });
  const guardian = guard(child);
  async function stop(): Promise<void> {
    child.kill("SIGKILL");
    await gone;
    guardian?.kill("SIGKILL");
  }
  try {
    const said = await introduction(child);
    child.stdout.resume();
    child.stderr.resume();
    return { url: urlIn(said), pid: child.pid ?? 0, accounts: accountsIn(said), stop };
  } catch (error) {
    if (child.pid !== undefined) await stop();
    throw error;
  }
}

const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The program itself: the package's own wrapper would leave it running when killed. @throws if it is not there */
function anvilProgram(): string {
  const { platform, arch } = process;
  const name = `@foundry-rs/anvil-${platform}-${ARCHITECTURES[arch] ?? arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return path.join(path.dirname(manifest), "bin", platform === "win32" ? "anvil.exe" : "anvil");
  } catch (cause) {
    throw new Error(`the package ${name} is not installed; install it or name another anvil`, {
      cause,
    });
  }
}

/** A shell that waits for the end of this process and then takes anvil along: the end may be a SIGKILL. */
function guard(child: ChildProcess): ChildProcess | null {
  if (process.platform === "win32" || child.pid === undefined) return null;
  const script = 'cat >/dev/null; kill -9 "$0" 2>/dev/null';
  const stdio = ["pipe" as const, "ignore" as const, "ignore" as const];
  const guardian = spawn("/bin/sh", ["-c", script, String(child.pid)], { stdio, detached: true });
  guardian.on("error", () => {
    // Without a shell there is no guardian; whoever closes the chain still ends anvil.
  });
  guardian.unref();
  return guardian;
}

/** All that anvil says until it listens. */
function introduction(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let out = "";
    let err = "";
    const fail = (why: string) => {
      clearTimeout(timer);
      reject(new Error(`anvil ${why}${err === "" ? "" : `: ${err.trim()}`}`));
    };
    const timer = setTimeout(() => fail("did not start in time"), START_TIMEOUT_MS);
    child.once("error", (error) => fail(`could not be started (${error.message})`));
    child.once("close", (code) => fail(`ended with code ${code}`));
    child.stderr?.on("data", (chunk: Buffer) => {
      if (err.length < 4000) err += chunk.toString();
    });
    child.stdout?.on("data", (chunk: Buffer) => {
      if (LISTENING.test(out)) return;
      out += chunk.toString();
      if (!LISTENING.test(out)) return;
      clearTimeout(timer);
      resolve(out);
    });
  });
}

const LISTENING = /Listening on (\S+)\n/;

function urlIn(said: string): string {
  return `http://${LISTENING.exec(said)?.[1] ?? ""}`;
}

/** `(0) 0x…` twice over: first the addresses, then their keys. */
function accountsIn(said: string): DevAccount[] {
  const listed = (digits: number) =>
    [...said.matchAll(new RegExp(`^\\(\\d+\\) (0x[0-9a-fA-F]{${digits}})\\b`, "gm"))].map(
      ([, text = ""]) => text as Hex,
    );
  const keys = listed(64);
  return listed(40).flatMap((address, i) => {
    const privateKey = keys[i];
    return privateKey === undefined ? [] : [{ address, privateKey }];
  });
}
