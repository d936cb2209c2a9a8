import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { Keypair } from "@stellar/stellar-sdk";
import { afterAll, beforeAll, expect, test } from "vitest";
import manifest from "../package.json" with { type: "json" };
import { dispatch } from "./cli.ts";
import { answerJson, API_KEY, CARD, ORDER_ID, orderIn, startPeer } from "./testing/peer.ts";
import { openPayStage, startPeerShop, type PayStage } from "./testing/stage.ts";
import { VERSION } from "./version.ts";

const BIN = path.join(import.meta.dirname, "..", "bin", "vend402.mjs");

interface Ran {
  readonly code: number | null;
  readonly data: string;
  readonly notes: string;
}

async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Ran> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(cwd === undefined ? {} : { cwd }),
  });
  const exit = once(child, "exit") as Promise<[number | null]>;
  const [data, notes, [code]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, data, notes };
}

let place: PayStage;

beforeAll(async () => {
  place = await openPayStage();
});
afterAll(() => place.close());

test("it tells its version, which is the package's", async () => {
  expect(await run(["--version"])).toEqual({ code: 0, data: `${VERSION}\n`, notes: "" });
  expect(VERSION).toBe(manifest.version);
});

/** The same in this process. */
async function call(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const data: string[] = [];
  const notes: string[] = [];
  const terminal = {
    data: (line: string) => data.push(line),
    note: (line: string) => notes.push(line),
    env,
    cwd: "/",
    signal: new AbortController().signal,
  };
  const code = await dispatch(args, terminal);
  return { code, data: data.join("\n"), notes: notes.join("\n") };
}

test("help goes to standard output; without a command it is also an error", async () => {
  const help = await call(["--help"]);
  expect(help).toMatchObject({ code: 0, notes: "" });
  for (const word of ["buy card", "orders", "VEND402_API_KEY", "serve"])
    expect(help.data).toContain(word);
  expect(await call([])).toMatchObject({ code: 2, data: help.data });
  expect(await call(["buy", "--help"])).toMatchObject({ code: 0, notes: "" });
  expect(await call(["frobnicate"])).toMatchObject({
    code: 2,
    notes: expect.stringContaining('no command "frobnicate"') as string,
  });
});

const SETTINGS = {
  VEND402_BASE_URL: "https://shop.example/v1",
  VEND402_API_KEY: API_KEY,
  VEND402_STELLAR_SECRET: Keypair.random().secret(),
};

test.each<readonly [readonly string[], string, Readonly<Record<string, string>>]>([
  [["buy"], "say what to buy", {}],
  [["buy", "card"], "--amount is missing", {}],
  [["buy", "card", "--amount", "10", "--asset", "btc"], "--asset is", {}],
  [["buy", "card", "--order", "o", "--amount", "10"], "--order goes without", {}],
  [["buy", "card", "--amount", "10", "--wait", "x"], "--wait is", SETTINGS],
  [["buy", "card", "--colour"], "--colour", {}],
  [
    ["buy", "card", "--amount", "10"],
    "VEND402_STELLAR_NETWORK",
    { ...SETTINGS, VEND402_STELLAR_NETWORK: "moon" },
  ],
  [["buy", "card", "--amount", "10"], "not both", { ...SETTINGS, VEND402_OWS_WALLET: "agent" }],
  [
    ["buy", "card", "--amount", "10"],
    "baseUrl is plain HTTP",
    { ...SETTINGS, VEND402_BASE_URL: "http://shop.example" },
  ],
  [["buy", "card", "--amount", "ten"], "amountUsdc is not", SETTINGS],
  [["wallet"], "The Stellar secret key is malformed", { VEND402_STELLAR_SECRET: "S" }],
  [["order"], "name one order", {}],
  [["order", "../x"], "orderId is not", SETTINGS],
  [["orders"], "VEND402_BASE_URL is not set", {}],
  [["orders", "--limit", "many"], "--limit is", {}],
  [["wallet"], "set VEND402_STELLAR_SECRET", {}],
])("called wrongly as %j it says %j and ends with 2", async (args, what, env) => {
  const { code, data, notes } = await call(args, env);
  expect({ code, data }).toEqual({ code: 2, data: "" });
  expect(notes).toContain(what);
});

async function buyer() {
  const shop = await startPeerShop(place);
  const { key } = place.newSigner("50");
  const env = {
    VEND402_BASE_URL: shop.baseUrl,
    VEND402_API_KEY: API_KEY,
    VEND402_STELLAR_SECRET: key.secret(),
    VEND402_STELLAR_PASSPHRASE: place.network.passphrase,
    VEND402_STELLAR_RPC: place.network.rpcUrl,
    VEND402_JOURNAL: path.join(place.newFolder(), "payments"),
  };
  return { shop, env, key };
}

test(
  "buying shows progress beside and the card masked, or whole when asked",
  { timeout: 60_000 },
  async () => {
    const { shop, env } = await buyer();
    const masked = await run(["buy", "card", "--amount", "10", "--key", "k-1"], env);
    expect(masked.code).toBe(0);
    expect(masked.data).toContain("••••••••••••1111");
    expect(masked.data + masked.notes).not.toContain(CARD.number);
    for (const step of ["quote", "signed", "sent", "delivered"])
      expect(masked.notes).toMatch(new RegExp(` s {2}${step}`));
    expect(masked.notes).toContain("--key k-1");
    expect(masked.notes + masked.data).not.toContain(env.VEND402_STELLAR_SECRET);
    expect(masked.notes + masked.data).not.toContain(API_KEY);

    const again = await run(
      ["buy", "card", "--amount", "10.00", "--key", "k-1", "--json", "--reveal"],
      env,
    );
    expect(JSON.parse(again.data)).toMatchObject({
      order_id: shop.orderIds[0],
      idempotency_key: "k-1",
      card: CARD,
    });
    expect(shop.orderIds).toHaveLength(1);
    expect(place.paymentsOf(shop.orderIds[0] ?? "")).toHaveLength(1);
  },
);

test(
  "a failure says what to do and how to continue, with --json as data too",
  { timeout: 60_000 },
  async () => {
    const { shop, env } = await buyer();
    const poor = { ...env, VEND402_STELLAR_SECRET: place.newSigner().key.secret() };
    const failed = await run(["buy", "card", "--amount", "10", "--asset", "usdc", "--json"], poor);
    expect(failed.code).toBe(1);
    const [orderId = ""] = shop.orderIds;
    expect(failed.notes).toContain(`to continue: vend402 buy card --order ${orderId}`);
    expect(JSON.parse(failed.data)).toMatchObject({
      error: { code: "missing_trustline", order_id: orderId, retryable: true },
    });
  },
);

test("Ctrl-C ends with 130 and says how to continue", { timeout: 60_000 }, async () => {
  const { env } = await buyer();
  place.pace(null);
  const child = spawn(process.execPath, [BIN, "buy", "card", "--amount", "10"], {
    env: { PATH: process.env["PATH"], ...env },
  });
  let notes = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    if (!notes.includes("sent") && (notes + piece).includes("sent")) child.kill("SIGINT");
    notes += piece;
  });
  const [code] = (await once(child, "close")) as [number | null];
  place.pace(50);
  expect(code).toBe(130);
  expect(notes).toMatch(/to continue: vend402 buy card --amount 10 --key [0-9a-f-]{36}/);
});

test(
  "orders and usage are shown as columns or JSON, a delivered card only masked",
  { timeout: 60_000 },
  async () => {
    const row = {
      id: ORDER_ID,
      status: "delivered",
      amount_usdc: "10.00",
      payment_asset: "usdc",
      created_at: "2026-01-01T00:00:00.000Z",
      updated_at: "2026-01-01T00:00:00.000Z",
    };
    const usage = {
      api_key_id: "key_1",
      label: "Agent",
      budget: {
        spent_usdc: "10.00",
        in_flight_usdc: "0.00",
        committed_usdc: "10.00",
        limit_usdc: "50.00",
        remaining_usdc: "40.00",
      },
      orders: {
        total: 1,
        delivered: 1,
        failed: 0,
        refunded: 0,
        expired: 0,
        rejected: 0,
        in_progress: 0,
      },
    };
    const peer = await startPeer((request, response) => {
      if (request.path.startsWith("/v1/usage")) answerJson(response, 200, usage);
      else answerJson(response, 200, request.path.includes(ORDER_ID) ? orderIn("ready") : [row]);
    });
    const env = { VEND402_BASE_URL: peer.baseUrl, VEND402_API_KEY: API_KEY };
    expect((await call(["orders"], env)).data).toContain(`delivered  10.00  ${ORDER_ID}`);
    expect(
      JSON.parse((await call(["orders", "--json", "--status", "delivered"], env)).data),
    ).toEqual([row]);
    expect((await call(["usage"], env)).data).toMatch(/limit\s+50\.00 USD/);
    const shown = await call(["order", ORDER_ID, "--json"], env);
    expect(JSON.parse(shown.data)).toMatchObject({
      card: { number: "••••••••••••1111", cvv: "•••" },
    });
    expect((await call(["order", ORDER_ID, "--reveal"], env)).data).toContain(CARD.number);
  },
);

test("the wallet's address is told without touching the shop", async () => {
  const { key } = place.newSigner();
  const { code, data } = await call(["wallet"], { VEND402_STELLAR_SECRET: key.secret() });
  expect({ code, data }).toEqual({ code: 0, data: key.publicKey() });
});

test("operator commands run in the server's checkout, and elsewhere say where they belong", async () => {
  const folder = place.newFolder();
  for (const args of [["serve"], ["keys", "create"], ["orders", "show", "x"], ["doctor"]]) {
    const { code, notes } = await call(args, { VEND402_HOME: folder });
    expect(code).toBe(2);
    expect(notes).toContain("not a checkout");
  }
  writeFileSync(path.join(folder, "package.json"), '{ "name": "vend402-server" }');
  mkdirSync(path.join(folder, "scripts"));
  writeFileSync(
    path.join(folder, "scripts", "bootstrap.mjs"),
    "process.stdout.write(JSON.stringify(process.argv.slice(2))); process.exit(7);",
  );
  expect(readdirSync(folder)).toHaveLength(2);
  for (const [env, cwd] of [
    [{}, folder],
    [{ VEND402_HOME: folder }, undefined],
  ] as const) {
    const { code, data } = await run(["orders", "show", "x", "--json"], env, cwd);
    expect(code).toBe(7);
    expect(JSON.parse(data)).toEqual(["src/cli/main.ts", "orders", "show", "x", "--json"]);
  }
});
