import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../clock.ts";
import { textIn, wholeIn } from "./answer.ts";
import { createRpc, type Rpc } from "./rpc.ts";

const NETWORK = { jsonrpc: "2.0", id: 1, result: { passphrase: "a network" } };

interface Told {
  readonly rpc: Rpc;
  /** "host failing" and "host fine", in order. */
  readonly health: readonly string[];
}

type Reply = { readonly status?: number; readonly body: string };

/** A server that answers `getNetwork` as it should and everything else with what `reply` says. */
async function serve(reply: (method: string) => Reply): Promise<string> {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { method } = JSON.parse(text) as { method: string };
      const answer = method === "getNetwork" ? { body: JSON.stringify(NETWORK) } : reply(method);
      response.writeHead(answer.status ?? 200).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/secret-key`;
}

function open(...urls: string[]): Told {
  const health: string[] = [];
  const rpc = createRpc({
    urls,
    passphrase: "a network",
    timeoutMs: 5_000,
    clock: systemClock,
    onHealth: (_server, reason) => health.push(reason === null ? "fine" : "failing"),
  });
  return { rpc, health };
}

const result = (value: object): Reply => ({
  body: JSON.stringify({ jsonrpc: "2.0", id: 1, result: value }),
});

test.each([
  ["HTTP 503", { status: 503, body: "" }],
  ["HTTP 429", { status: 429, body: "slow down" }],
  ["no JSON", { body: "<html>" }],
  ["JSON that is no object", { body: "5" }],
  ["neither result nor error", { body: "{}" }],
  ["a result of another shape", result({ sequence: "many" })],
  ["a negative number", result({ sequence: -1 })],
  ["a JSON-RPC error", { body: '{"error":{"code":-32603,"message":"busy"}}' }],
])("%s of one server leads to the next", async (_what, reply) => {
  const bad = await serve(() => reply);
  const good = await serve(() => result({ sequence: 7 }));
  const { rpc } = open(bad, good);
  const read = await rpc.read("getIt", {}, (fields) => wholeIn(fields, "sequence"));
  expect(read).toEqual({ kind: "done", value: 7 });
  expect(
    await open(bad).rpc.read("getIt", {}, (fields) => wholeIn(fields, "sequence")),
  ).toMatchObject({
    kind: "failed",
    retryable: true,
  });
});

test("reasons name the host and never the path, which may hold a key", async () => {
  const url = await serve(() => ({ status: 500, body: "" }));
  const read = await open(url).rpc.read("getIt", {}, (fields) => textIn(fields, "x"));
  expect(read).toMatchObject({ kind: "failed", reason: `${new URL(url).host} getIt: HTTP 500` });
});

test("health is told when it changes, not with every call", async () => {
  let isDown = false;
  const url = await serve(() => (isDown ? { status: 503, body: "" } : result({})));
  const { rpc, health } = open(url);
  const call = (): Promise<unknown> => rpc.read("getIt", {}, () => null);
  await call();
  isDown = true;
  await call();
  await call();
  isDown = false;
  await call();
  expect(health).toEqual(["failing", "fine"]);
});

test("a server that lags far behind another is asked last", async () => {
  const latestOf = new Map([
    ["a", 100],
    ["b", 113],
  ]);
  const asked: string[] = [];
  const reply = (name: string) => (): Reply => {
    asked.push(name);
    return result({ latestLedger: latestOf.get(name) });
  };
  const { rpc } = open(await serve(reply("a")), await serve(reply("b")));
  for (const endpoint of rpc.endpoints()) await endpoint.call("getIt", {});
  await rpc.read("getIt", {}, () => null);
  latestOf.set("a", 114);
  for (const endpoint of rpc.endpoints()) await endpoint.call("getIt", {});
  await rpc.read("getIt", {}, () => null);
  expect(asked).toEqual(["a", "b", "b", "b", "a", "a"]);
});

test("an answer without end is cut off", async () => {
  const url = await serve(() => ({ body: `{"result":{"x":"${"x".repeat(33 * 1024 * 1024)}"}}` }));
  const read = await open(url).rpc.read("getIt", {}, (fields) => textIn(fields, "x"));
  expect(read).toMatchObject({
    kind: "failed",
    reason: expect.stringContaining("too large") as string,
  });
});
