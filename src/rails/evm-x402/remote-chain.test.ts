import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { serveHttp } from "../../../tests/fixtures/http-server.ts";
import { systemClock } from "../../clock.ts";
import { buildFacilitator } from "../../facilitator/app.ts";
import { openReplays } from "../../facilitator/replays.ts";
import { evmX402 } from "./index.ts";
import { openOn, type OpenRail, quiet } from "./test-payer.ts";

let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage({ blockTimeMs: "instant" });
});
afterAll(() => stage.close());

/** An honest facilitator: ours, as somebody else runs it. */
async function honest(): Promise<string> {
  const context = { clock: systemClock, log: quiet };
  const scheme = evmX402.openForOthers(stage.config(), context);
  const replays = openReplays(":memory:");
  const settings = { schemes: [scheme], replays, keys: [], lookEveryMs: 20 };
  const server = buildFacilitator({ ...context, ...settings });
  onTestFinished(async () => {
    await server.close();
    replays.close();
  });
  return server.listen({ host: "127.0.0.1", port: 0 });
}

type Mischief = (path: string, body: string, response: ServerResponse) => Promise<void> | void;

/** A facilitator that does what a test wants it to. */
async function hostile(mischief: Mischief): Promise<string> {
  return serveHttp((message, response) => {
    const chunks: Buffer[] = [];
    message.on("data", (chunk: Buffer) => chunks.push(chunk));
    message.on("end", () => {
      const body = Buffer.concat(chunks).toString();
      void Promise.resolve(mischief(message.url ?? "", body, response));
    });
  });
}

function answerJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

const openWith = (url: string): OpenRail =>
  openOn(stage, { changes: { FACILITATOR: url, RELAY_KEYS: "" } });

const received = (): Promise<bigint> => stage.balanceOf(stage.devnet.usdc, stage.treasury.address);

async function pass(url: string, path: string, body: string): Promise<unknown> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${url}${path}`, { method: "POST", headers, body });
  return answer.json();
}

test("a facilitator elsewhere verifies and settles; the chain shows the payment", async () => {
  const { rail, promise } = openWith(await honest());
  const authorization = await promise();
  const before = await received();
  done(await rail.x402.verify(authorization));
  const { txId } = done(await rail.x402.settle(authorization));
  expect(txId).toMatch(/^0x[0-9a-f]{64}$/);
  expect((await received()) - before).toBe(authorization.amount.atomic);
  expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "used", txId });
  expect(await rail.check()).toEqual([]);
});

test("a facilitator that lies moves no money, and its word is no payment", async () => {
  const transaction = `0x${"11".repeat(32)}`;
  const url = await hostile((path, _body, response) =>
    answerJson(response, path === "/verify" ? { isValid: true } : { success: true, transaction }),
  );
  const { rail, promise } = openWith(url);
  const authorization = await promise();
  const before = await received();
  done(await rail.x402.verify(authorization));
  expect(done(await rail.x402.settle(authorization))).toEqual({ txId: transaction });
  expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "open" });
  expect(await received()).toBe(before);
});

test.each<readonly [string, (response: ServerResponse) => void]>([
  ["answers 502", (response) => answerJson(response, "bad gateway", 502)],
  ["cuts the connection", (response) => response.destroy()],
  ["answers nonsense", (response) => response.end("<html>")],
  ["answers nothing of the protocol", (response) => answerJson(response, { ok: true })],
  [
    "says that it is pending",
    (response) =>
      answerJson(response, { success: false, errorReason: "settlement_pending", transaction: "" }),
  ],
  [
    "says that it failed, with a transaction",
    (response) =>
      answerJson(response, {
        success: false,
        errorReason: "invalid_transaction_state",
        transaction: `0x${"22".repeat(32)}`,
      }),
  ],
])(
  "one that settles and then %s has left an unknown, which the chain resolves",
  async (_what, end) => {
    const behind = await honest();
    const url = await hostile(async (path, body, response) => {
      if (path === "/settle") await pass(behind, path, body);
      end(response);
    });
    const { rail, promise } = openWith(url);
    const authorization = await promise();
    const before = await received();
    expect(await rail.x402.settle(authorization)).toMatchObject({ kind: "unknown" });
    expect(done(await rail.x402.fate(authorization))).toMatchObject({ kind: "used" });
    expect((await received()) - before).toBe(authorization.amount.atomic);
  },
);
