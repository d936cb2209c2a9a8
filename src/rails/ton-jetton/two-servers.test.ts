/** Two toncenter servers and a LiteServer: the one that lags or lies is passed over while the other does neither. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { present, readAll, signal } from "../../../tests/contracts/rail-bench.ts";
import { openRpcFront, type RpcBody, type RpcFront } from "../../../tests/fixtures/rpc-front.ts";
import { openTonStage, type TonStage } from "../../../tests/fixtures/ton-stage.ts";
import { orderPayload } from "../../chains/ton/payload.ts";
import { systemClock } from "../../clock.ts";
import { createLog } from "../../log.ts";
import type { Rail } from "../rail.ts";
import { tonJetton } from "./index.ts";

const STATE = "getAddressInformation";

let stage: TonStage;
let logged: string[];

beforeEach(async () => {
  stage = await openTonStage({ isWitnessed: true });
  logged = [];
});
afterEach(() => stage.close());

function openRail(fronts: readonly RpcFront[]): Rail {
  const write = (line: string): number => logged.push(line);
  const log = createLog({ level: "info", now: () => 0, write });
  const RPC = [...fronts.map(({ url }) => url), stage.devnet.url].join(",");
  return tonJetton.open(stage.config({ RPC }), { clock: systemClock, log });
}

const pay = (orderRef: string): ReturnType<TonStage["pay"]> =>
  stage.pay({ atomic: 5n, payload: orderPayload(orderRef) });

/** Answers about accounts as it did the first time. */
async function stoppedServer(): Promise<RpcFront> {
  const known = new Map<string, RpcBody>();
  return openRpcFront(stage.devnet.url, async (method, forward, params) => {
    if (method !== STATE) return null;
    const address = String(params["address"]);
    const answer = known.get(address) ?? (await forward());
    known.set(address, answer);
    return answer;
  });
}

/** Names another last transaction than the true one. */
function lyingServer(change: (id: RpcBody) => RpcBody): Promise<RpcFront> {
  return openRpcFront(stage.devnet.url, async (method, forward) => {
    if (method !== STATE) return null;
    const answer = await forward();
    const result = answer["result"] as RpcBody;
    const id = result["last_transaction_id"] as RpcBody;
    return { ...answer, result: { ...result, last_transaction_id: { ...id, ...change(id) } } };
  });
}

test("a server that has stopped is passed over", async () => {
  const rail = openRail([await stoppedServer()]);
  const before = await present(rail);
  await pay("ord_1");
  const { deposits } = await readAll(rail, before);
  expect(deposits).toMatchObject([{ orderRef: "ord_1" }]);
});

test.each([
  [
    "another transaction at the same time",
    () => ({ hash: Buffer.alloc(32, 7).toString("base64") }),
  ],
  ["one that nobody else has seen", ({ lt }: RpcBody) => ({ lt: String(BigInt(String(lt)) + 9n) })],
])("a server that invents %s is passed over", async (_lie, change) => {
  await pay("ord_1");
  const rail = openRail([await lyingServer(change)]);
  const { deposits } = await readAll(rail, null);
  expect(deposits.map(({ orderRef }) => orderRef)).toContain("ord_1");
  expect(await rail.check()).toEqual([]);
});

test("what contradicts the LiteServer is told, once for each thing, though nobody is misled", async () => {
  await pay("ord_1");
  const hash = Buffer.alloc(32, 7).toString("base64");
  const rail = openRail([await lyingServer(() => ({ hash }))]);
  for (let times = 0; times < 3; times++) await readAll(rail, null);
  expect(logged).toHaveLength(1);
  expect(logged[0]).toContain("another transaction at");
});

test("when every server is doubted nothing is read", async () => {
  const stopped = await stoppedServer();
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  const config = stage.config({ RPC: stopped.url });
  const rail = tonJetton.open(config, { clock: systemClock, log });
  const before = await present(rail);
  await pay("ord_1");
  expect(await rail.readDeposits(before, signal)).toMatchObject({
    kind: "failed",
    retryable: true,
  });
});
