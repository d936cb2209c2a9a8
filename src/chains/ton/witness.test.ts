import { Address, beginCell, toNano } from "@ton/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { liteServerText, openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { strangerAddress } from "../../../devnet/ton/test-clients.ts";
import { systemClock } from "../../clock.ts";
import { NO_LINK, openChain } from "./chain.ts";
import { openWitness, type Witness } from "./witness.ts";

let stage: TonStage;

beforeAll(async () => {
  stage = await openTonStage({ blockTimeMs: "manual" });
});
afterAll(() => stage.close());

function witnessBy(liteServers: string, health: unknown[] = []): Witness {
  const config = stage.config({ LITESERVERS: liteServers }, { callTimeoutMs: 2_000 });
  const onHealth = (...told: unknown[]): number => health.push(told);
  return openWitness({ config, clock: systemClock, onHealth });
}

/** Nobody is there. */
const NOBODY = `127.0.0.1:1/${Buffer.alloc(32, 9).toString("base64")}`;

test("it sees accounts as the first source shows them", async () => {
  const witness = witnessBy(liteServerText(stage.devnet));
  const chain = openChain({ config: stage.config(), clock: systemClock });
  for (const address of [stage.treasury, stage.account, stage.devnet.minter]) {
    const seen = done(await witness.state(address));
    const told = done(await chain.state(address));
    expect(seen.head).toEqual(told.head);
    expect(seen.chainTimeMs).toBe(told.chainTimeMs);
    const data = seen.data === "unreadable" ? null : seen.data;
    expect(data?.hash()).toEqual(told.data?.hash());
  }
  expect(done(await witness.state(strangerAddress()))).toMatchObject({ head: NO_LINK, data: null });
});

test("it knows transactions by their place in an account's history, and no others", async () => {
  const witness = witnessBy(liteServerText(stage.devnet));
  const { head } = done(await witness.state(stage.account));
  expect(done(await witness.has(stage.account, head))).toBe(true);
  expect(done(await witness.has(stage.account, { ...head, lt: head.lt + 1n }))).toBe(false);
  expect(done(await witness.has(stage.account, { ...head, hash: "ab".repeat(32) }))).toBe(false);
  expect(done(await witness.has(stage.treasury, head))).toBe(false);
});

test("it asks contracts, and takes messages", async () => {
  const witness = witnessBy(liteServerText(stage.devnet));
  const cell = beginCell().storeAddress(stage.treasury).endCell();
  const stack = [{ type: "slice", cell } as const];
  const { stack: answer } = done(
    await witness.run(stage.devnet.minter, "get_wallet_address", stack),
  );
  expect(answer.readAddress().equals(stage.account)).toBe(true);
  expect(done(await witness.run(stage.devnet.minter, "nothing")).exitCode).toBe(11);
  expect(await witness.send(Buffer.from("nonsense"))).toMatchObject({
    kind: "failed",
    retryable: true,
  });
});

test("the next server is asked when one is down, and its health is told once each way", async () => {
  const health: unknown[] = [];
  const witness = witnessBy(`${NOBODY}, ${liteServerText(stage.devnet)}`, health);
  for (let times = 0; times < 3; times++) done(await witness.state(stage.treasury));
  expect(health).toEqual([["127.0.0.1:1", "127.0.0.1:1: no answer (ECONNREFUSED)"]]);
});

test("a lost answer to a message is unknown; a reason names the server and nothing else of it", async () => {
  const { liteServer, liteFaults } = stage.devnet;
  const witness = witnessBy(liteServerText(stage.devnet));
  liteFaults.plan({ kind: "drop" }, { method: "sendMessage" });
  const lost = await witness.send(Buffer.from("x"));
  const name = `${liteServer.host}:${liteServer.port}`;
  expect(lost).toEqual({
    kind: "unknown",
    reason: `${name}: no answer (the connection was closed)`,
  });
});

test("an account of the masterchain can be asked for as well", async () => {
  const witness = witnessBy(liteServerText(stage.devnet));
  const config = new Address(-1, Buffer.alloc(32, 5));
  await stage.devnet.fund(config, { ton: toNano("1") });
  const seen = done(await witness.state(config));
  expect(seen.head.lt).toBeGreaterThan(0n);
  expect(done(await witness.has(config, seen.head))).toBe(true);
});
