import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { keyPairFromSeed } from "@ton/crypto";
import { WalletContractV5R1 } from "@ton/ton";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expect, onTestFinished, test } from "vitest";
import { CARD } from "../../../src/http/test-shop.ts";
import { ESIM, PLAN } from "../../../src/http/test-x402.ts";
import { dispatch } from "../cli.ts";
import { openEsimStage, type EsimStage } from "../testing/esim-stage.ts";

interface Ran {
  readonly code: number;
  readonly data: string;
  readonly notes: string;
}

type Env = Readonly<Record<string, string>>;

async function call(args: readonly string[], env: Env): Promise<Ran> {
  const data: string[] = [];
  const notes: string[] = [];
  const code = await dispatch(args, {
    data: (line) => data.push(line),
    note: (line) => notes.push(line),
    env,
    cwd: "/",
    signal: new AbortController().signal,
  });
  return { code, data: data.join("\n"), notes: notes.join("\n") };
}

const KEY = generatePrivateKey();

function newFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "vend402-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function settings({ shop }: EsimStage): Env {
  return { VEND402_BASE_URL: shop.url, VEND402_EVM_KEY: KEY, VEND402_JOURNAL: newFolder() };
}

const ESIM_COMMAND = ["buy", "esim", "--plan", PLAN.id, "--max-usd", "3"];

test("plans are a table, or JSON", async () => {
  const stage = await openEsimStage();
  const env = { VEND402_BASE_URL: stage.shop.url };
  const table = await call(["plans", "--country", "JP"], env);
  expect(table.code).toBe(0);
  expect(table.data).toMatch(/^PLAN +USD +DATA +DAYS +COUNTRIES\n/);
  expect(table.data).toContain(`${PLAN.id}  2.04`);
  const json = await call(["plans", "--json"], env);
  expect(JSON.parse(json.data)).toMatchObject([{ plan_id: PLAN.id, price: { amount: "2.04" } }]);
  expect((await call(["plans", "--country", "Japan"], env)).code).toBe(2);
});

test("buy esim pays with the key of the environment and hides what installs it", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const { code, data, notes } = await call(ESIM_COMMAND, settings(stage));
  expect(code).toBe(0);
  expect(data).toContain(ESIM.iccid);
  expect(data).not.toContain(ESIM.activation_code);
  expect(notes).toMatch(
    /to continue after any crash: vend402 buy esim --plan \S+ --key \S+ --max-usd 3\n/,
  );
  expect(notes).toMatch(/signed +2\.04 USDC on eip155:137/);
  expect(notes + data).not.toContain(KEY.slice(2));
});

test("with --json it is one object; --key again is the same purchase; --reveal shows the code", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const env = settings(stage);
  const again = [...ESIM_COMMAND, "--key", "trip", "--json"];
  const first = JSON.parse((await call(again, env)).data) as { order_id: string };
  const second = JSON.parse((await call([...again, "--reveal"], env)).data) as object;
  expect(second).toMatchObject({
    order_id: first.order_id,
    esim: { activation_code: ESIM.activation_code },
    payment: null,
  });
  const byId = ["buy", "esim", "--order", first.order_id, "--max-usd", "3", "--json"];
  expect(JSON.parse((await call(byId, env)).data)).toMatchObject({ order_id: first.order_id });
  expect(await stage.countOrders()).toBe(1);
});

test("the key may be in a file or in another variable, and on the command line never", async () => {
  const stage = await openEsimStage();
  stage.deliverAll();
  const { VEND402_EVM_KEY: _key, ...env } = settings(stage);
  expect(await call(ESIM_COMMAND, env)).toMatchObject({
    code: 2,
    notes: expect.stringContaining("--key-env") as string,
  });
  const file = path.join(newFolder(), "key");
  writeFileSync(file, `${KEY}\n`);
  const payer = privateKeyToAccount(KEY).address;
  for (const [more, extra] of [
    [["--key-file", file], {}],
    [["--key-env", "AGENT_KEY"], { AGENT_KEY: KEY }],
    [[], { VEND402_EVM_KEY_FILE: file }],
  ] as const) {
    const ran = await call([...ESIM_COMMAND, "--json", ...more], { ...env, ...extra });
    expect(JSON.parse(ran.data)).toMatchObject({ payment: { payer } });
  }
  const bad = await call(ESIM_COMMAND, { ...env, VEND402_EVM_KEY: "hunter2" });
  expect(bad.code).toBe(2);
  expect(bad.notes).not.toContain("hunter2");
});

test("buy card --network pays a card by x402, without an API key", async () => {
  const stage = await openEsimStage({ goods: CARD });
  stage.deliverAll();
  const args = ["buy", "card", "--amount", "2.04", "--network", "eip155:137", "--asset", "USDC"];
  const { code, data } = await call([...args, "--json"], settings(stage));
  expect(code).toBe(0);
  expect(JSON.parse(data)).toMatchObject({
    card: { number: expect.stringContaining(CARD.number.slice(-4)) as string, cvv: "•••" },
    payment: { asset: "USDC", network: "eip155:137" },
  });
});

test("--deposit says where to send how much, and waits", async () => {
  const stage = await openEsimStage();
  const buying = call([...ESIM_COMMAND, "--deposit", "--network", "eip155:137"], settings(stage));
  await expect.poll(() => stage.countOrders()).toBe(1);
  const payable = stage.shop.store.read.orders.payableSince(0);
  const ran = await Promise.race([buying, payable]);
  const orderId = "length" in ran ? (ran[0]?.id ?? "") : "";
  await stage.shop.pay(orderId);
  await stage.shop.deliver(orderId);
  const { code, notes, data } = await buying;
  expect(code).toBe(0);
  expect(notes).toContain(`to 0x${orderId}`);
  expect(data).toContain(ESIM.iccid);
});

test("--deposit on TON says the comment, without which nobody knows whose payment it is", async () => {
  const stage = await openEsimStage({
    wrap: (deps) => ({
      ...deps,
      rails: deps.rails.map((rail) => ({
        ...rail,
        instructions: ({ id }) => ({
          type: "ton_jetton",
          network: "tvm:-239",
          address: "UQ_shop",
          symbol: "USDT",
          amount: "2.04",
          comment: id,
        }),
      })),
    }),
  });
  const { code, notes } = await call(
    [...ESIM_COMMAND, "--deposit", "--wait", "1"],
    settings(stage),
  );
  expect(code).toBe(1);
  expect(notes).toMatch(/send 2\.04 USDT +to UQ_shop +on tvm:-239 +with the comment ord_\w+/);
});

test("wallet shows what to fund: one address alone, or each with its chain", async () => {
  const { address } = privateKeyToAccount(KEY);
  expect((await call(["wallet"], { VEND402_EVM_KEY: KEY })).data).toBe(address);
  const seed = "11".repeat(32);
  const { publicKey } = keyPairFromSeed(Buffer.from(seed, "hex"));
  const ton = WalletContractV5R1.create({ workchain: 0, publicKey }).address;
  const both = await call(["wallet"], { VEND402_EVM_KEY: KEY, VEND402_TON_KEY: seed });
  expect(both.data).toBe(`evm  ${address}\nton  ${ton.toString({ bounceable: false })}`);
});

test("a price over --max-usd is an error in JSON too, and nothing is signed", async () => {
  const stage = await openEsimStage();
  const args = ["buy", "esim", "--plan", PLAN.id, "--max-usd", "1", "--json"];
  const { code, data } = await call(args, settings(stage));
  expect(code).toBe(1);
  expect(JSON.parse(data)).toMatchObject({ error: { code: "amount_over_cap" } });
});

test.each<readonly [readonly string[], string]>([
  [["buy", "esim"], "--plan is missing"],
  [["buy", "esim", "--plan", "p"], "--max-usd is missing"],
  [["buy", "esim", "--plan", "p", "--order", "o"], "--order goes without --plan"],
  [["buy", "esim", "--plan", "p", "--max-usd", "3", "--network", "polygon"], "--network is"],
  [["buy", "esim", "--plan", "p", "--max-usd", "3", "--approve", "yes"], "--approve is"],
  [["buy", "esim", "--order", "o", "--max-usd", "3", "--deposit"], "--deposit goes without"],
])("%j is called wrongly", async (args, said) => {
  const env = {
    VEND402_BASE_URL: "http://127.0.0.1:9",
    VEND402_EVM_KEY: KEY,
    VEND402_JOURNAL: newFolder(),
  };
  const { code, notes } = await call(args, env);
  expect({ code, notes }).toMatchObject({
    code: 2,
    notes: expect.stringContaining(said) as string,
  });
});
