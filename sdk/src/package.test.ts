/** The package as others install it: built, packed, unpacked into a folder of its own. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ESIM, PLAN } from "../../src/http/test-x402.ts";
import { openEsimStage } from "./testing/esim-stage.ts";
import { API_KEY, CARD } from "./testing/peer.ts";
import { openPayStage, startPeerShop } from "./testing/stage.ts";
import { VERSION } from "./version.ts";

const SDK = path.join(import.meta.dirname, "..");
const MODULES = path.join(SDK, "..", "node_modules");
const folder = mkdtempSync(path.join(tmpdir(), "vend402-package-"));
/** Has the unpacked package in its node_modules, and nothing else. */
const consumer = path.join(folder, "consumer");
const tarball = path.join(folder, `vend402-${VERSION}.tgz`);

/** Runs a JavaScript file under this Node. @throws with the output when it fails */
function runScript(file: string, args: readonly string[], cwd: string): string {
  const done = spawnSync(process.execPath, [file, ...args], { cwd, encoding: "utf8" });
  if (done.status !== 0) throw new Error(`${path.basename(file)}: ${done.stdout}${done.stderr}`);
  return done.stdout;
}

const tsc = (args: readonly string[], cwd: string) =>
  runScript(path.join(MODULES, "typescript", "bin", "tsc"), args, cwd);

beforeAll(() => {
  const staged = path.join(folder, "staged");
  mkdirSync(path.join(consumer, "node_modules", "vend402"), { recursive: true });
  for (const name of ["package.json", "README.md", "CHANGELOG.md", "LICENSE", "bin"])
    cpSync(path.join(SDK, name), path.join(staged, name), { recursive: true });
  tsc(["-p", "tsconfig.build.json", "--outDir", path.join(staged, "dist")], SDK);
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const packed = spawnSync(npm, ["pack", "--ignore-scripts", "--pack-destination", folder], {
    cwd: staged,
    encoding: "utf8",
  });
  if (packed.status !== 0) throw new Error(packed.stderr);
  const target = path.join(consumer, "node_modules", "vend402");
  const untarred = spawnSync("tar", ["xzf", tarball, "-C", target, "--strip-components=1"], {
    encoding: "utf8",
  });
  if (untarred.status !== 0) throw new Error(untarred.stderr);
  writeFileSync(path.join(consumer, "package.json"), '{ "type": "module" }');
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("publint finds nothing to complain about", () => {
  const output = runScript(
    path.join(MODULES, "publint", "src", "cli.js"),
    [tarball, "--strict"],
    folder,
  );
  expect(output).toContain("All good!");
});

test("attw finds its types right for ES modules", { timeout: 60_000 }, () => {
  const output = runScript(
    path.join(MODULES, "@arethetypeswrong", "cli", "dist", "index.js"),
    [tarball, "--profile", "esm-only", "--format", "json"],
    folder,
  );
  expect(JSON.parse(output)).toMatchObject({ analysis: { packageName: "vend402" } });
});

test("it holds what a user needs, no sources and no tests", () => {
  const root = path.join(consumer, "node_modules", "vend402");
  expect(readdirSync(root).toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "bin",
    "dist",
    "package.json",
  ]);
  const files = readdirSync(path.join(root, "dist"), { recursive: true, encoding: "utf8" });
  expect(files.length).toBeGreaterThan(40);
  expect(files.filter((file) => /test|(?<!\.d)\.ts$/.test(file))).toEqual([]);
});

test("it imports nothing but Node's own modules and its optional peers", () => {
  const root = path.join(consumer, "node_modules", "vend402", "dist");
  const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".js"),
  );
  const imported = files.flatMap((file) =>
    [
      ...readFileSync(path.join(root, file), "utf8")
        .replaceAll(/^ *\*.*$/gm, "")
        .matchAll(/(?:from|import\() ?"([^".][^"]*)"/g),
    ].map(([, name = ""]) => name),
  );
  expect([...new Set(imported)].filter((name) => !name.startsWith("node:")).toSorted()).toEqual([
    "@open-wallet-standard/core",
    "@stellar/stellar-sdk",
    "@ton/core",
    "@ton/ton",
    "@x402/core/client",
    "@x402/evm/exact/client",
    "viem",
    "viem/accounts",
  ]);
});

/** Code blocks of the README and of docblocks. */
function examples(): readonly string[] {
  const readme = readFileSync(path.join(SDK, "README.md"), "utf8");
  const sources = readdirSync(path.join(SDK, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.includes("test"))
    .map((file) => readFileSync(path.join(SDK, "src", file), "utf8").replaceAll(/^ *\* ?/gm, ""));
  return [readme, ...sources].flatMap((page) =>
    [...page.matchAll(/^```ts\n([^]*?)^```/gm)].map(([, code = ""]) => code),
  );
}

test(
  "every example in the README and the docblocks compiles against the package alone",
  { timeout: 60_000 },
  () => {
    const types = path.join(consumer, "node_modules", "@types");
    mkdirSync(types, { recursive: true });
    // What the examples take from their surroundings.
    writeFileSync(
      path.join(consumer, "surroundings.d.ts"),
      `declare global {
  const process: { env: Record<string, string | undefined> };
  const myHsm: { signEd25519(key: string, hash: Uint8Array): Promise<Uint8Array> };
  const redis: {
    get(key: string): Promise<string | null>;
    set(key: string, value: string, options: object): Promise<unknown>;
    wait(replicas: number, ms: number): Promise<unknown>;
  };
}
export {};`,
    );
    // The real viem brings a hundred packages of types; what the examples take of it is this.
    writeFileSync(
      path.join(consumer, "viem.d.ts"),
      `declare module "viem/accounts" {
  import type { EvmSigner } from "vend402";
  export function privateKeyToAccount(key: \`0x\${string}\`): EvmSigner;
}`,
    );
    const all = examples();
    expect(all.length).toBeGreaterThan(12);
    for (const [at, code] of all.entries())
      writeFileSync(path.join(consumer, `example-${String(at)}.ts`), code);
    const strict = [
      "--noEmit",
      "--strict",
      "--exactOptionalPropertyTypes",
      "--module",
      "nodenext",
      "--target",
      "es2022",
      "--lib",
      "es2022,dom",
    ];
    const files = readdirSync(consumer).filter((file) => file.endsWith(".ts"));
    expect(tsc([...strict, "--skipLibCheck", "false", ...files], consumer)).toBe("");
  },
);

test("every section that an error points to is in the README", () => {
  const readme = readFileSync(path.join(SDK, "README.md"), "utf8");
  const anchors = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replaceAll(" ", "-"),
  );
  const pointed = readdirSync(path.join(SDK, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => [
      ...readFileSync(path.join(SDK, "src", file), "utf8").matchAll(
        /vend402\/README\.md#([a-z-]+)/g,
      ),
    ])
    .map(([, anchor = ""]) => anchor);
  expect(pointed.length).toBeGreaterThan(8);
  expect([...new Set(pointed)].filter((anchor) => !anchors.includes(anchor))).toEqual([]);
});

test("a call whose packages are missing says which to install, and signs nothing", async () => {
  const stage = await openEsimStage();
  const settings = JSON.stringify({ baseUrl: stage.shop.url, planId: PLAN.id });
  const script = `import { listPlans, memoryJournal, purchaseEsim } from "vend402";
const { baseUrl, planId } = ${settings};
const plans = await listPlans({ baseUrl });
const account = { address: "0x" + "11".repeat(20), signTypedData: () => Promise.reject(new Error("signed")) };
const error = await purchaseEsim({ baseUrl, planId, account, maxUsd: "3", journal: memoryJournal() }).catch((e) => e);
console.log(JSON.stringify({ plans: plans.length, code: error.code, advice: error.advice }));`;
  writeFileSync(path.join(consumer, "no-peers.mjs"), script);
  const child = spawn(process.execPath, ["no-peers.mjs"], { cwd: consumer });
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(complaints).toBe("");
  expect(JSON.parse(output)).toEqual({
    plans: 1,
    code: "missing_peer",
    advice: 'install it beside vend402: npm install @x402/core@"^2.27.0"',
  });
});

interface FoundNode {
  readonly file: string;
  readonly major: number;
}

/** Every Node on the PATH that the package says it runs on, and this one; one per major version. */
function findNodes(): readonly FoundNode[] {
  const found = new Map<number, string>();
  const folders = (process.env["PATH"] ?? "").split(path.delimiter);
  for (const file of [
    process.execPath,
    "/usr/bin/node",
    ...folders.map((where) => path.join(where, "node")),
  ]) {
    if (!existsSync(file)) continue;
    const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
    const major = Number(/^v(\d+)/.exec(stdout)?.[1] ?? 0);
    if (major >= 20 && !found.has(major)) found.set(major, file);
  }
  return [...found].map(([major, file]) => ({ file, major }));
}

const nodes = findNodes();

test("there is an older Node to try it with (else it is tried with this one only)", ({ skip }) => {
  skip(nodes.length < 2, "no Node 20 or 22 is installed here");
  expect(nodes.some(({ major }) => major < 24)).toBe(true);
});

test.each(nodes)(
  "under Node $major it buys and pays a card, and its command line starts",
  { timeout: 60_000 },
  async ({ file }) => {
    const place = await openPayStage();
    try {
      const peers = path.join(consumer, "node_modules", "@stellar");
      if (!existsSync(peers)) symlinkSync(path.join(MODULES, "@stellar"), peers, "dir");
      const shop = await startPeerShop(place);
      const { key } = place.newSigner("50");
      cpSync(path.join(SDK, "src", "testing", "smoke.mjs"), path.join(consumer, "smoke.mjs"));
      const settings = {
        baseUrl: shop.baseUrl,
        apiKey: API_KEY,
        network: place.network,
        secret: key.secret(),
      };
      const child = spawn(file, ["smoke.mjs"], {
        cwd: consumer,
        env: { PATH: process.env["PATH"], SMOKE: JSON.stringify(settings) },
      });
      const exit = once(child, "exit") as Promise<[number | null]>;
      const [output, complaints, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        exit,
      ]);
      expect({ code, complaints }).toEqual({ code: 0, complaints: "" });
      expect(JSON.parse(output)).toEqual({
        version: VERSION,
        card: CARD,
        phase: "ready",
        payment: "usdc",
        refusal: "order_not_found",
      });
      expect(place.paymentsOf(shop.orderIds[0] ?? "")).toHaveLength(1);
      const bin = path.join(consumer, "node_modules", "vend402", "bin", "vend402.mjs");
      expect(spawnSync(file, [bin, "--version"], { encoding: "utf8" })).toMatchObject({
        status: 0,
        stdout: `${VERSION}\n`,
      });
    } finally {
      await place.close();
    }
  },
);

const ESIM_BUYER = `import { privateKeyToAccount } from "viem/accounts";
import { memoryJournal, purchaseEsim } from "vend402";
const { key, ...options } = JSON.parse(process.env.SMOKE);
const account = privateKeyToAccount(key);
const { esim, payment } = await purchaseEsim({ ...options, account, maxUsd: "3", journal: memoryJournal() });
process.stdout.write(JSON.stringify({ iccid: esim.iccid, isOwn: payment.payer === account.address }));`;

test.each(nodes)(
  "under Node $major it buys an eSIM with a viem account",
  { timeout: 60_000 },
  async ({ file }) => {
    const stage = await openEsimStage();
    stage.deliverAll();
    for (const peer of ["@x402", "viem"]) {
      const link = path.join(consumer, "node_modules", peer);
      if (!existsSync(link)) symlinkSync(path.join(MODULES, peer), link, "dir");
    }
    writeFileSync(path.join(consumer, "esim.mjs"), ESIM_BUYER);
    const settings = { baseUrl: stage.shop.url, planId: PLAN.id, key: `0x${"11".repeat(32)}` };
    const child = spawn(file, ["esim.mjs"], {
      cwd: consumer,
      env: { PATH: process.env["PATH"], SMOKE: JSON.stringify(settings) },
    });
    const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(complaints).toBe("");
    expect(JSON.parse(output)).toEqual({ iccid: ESIM.iccid, isOwn: true });
  },
);
