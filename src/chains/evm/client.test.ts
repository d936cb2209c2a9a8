import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../clock.ts";
import { createClient, type EvmClient } from "./client.ts";
import { readHeader } from "./finality.ts";

const NOBODY_HOME = "http://127.0.0.1:1/path-with-a-key";

interface Call {
  readonly id: number;
  readonly method: string;
}

/** What a server answers to a call: a result, an HTTP status for the whole request, silence, or an error. */
type Reply = { readonly result?: unknown; readonly error?: object } | number | "hang" | "cut";

interface Server {
  readonly url: string;
  readonly batches: number[];
}

async function serve(chainId: number, reply: (method: string) => Reply): Promise<Server> {
  const batches: number[] = [];
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const calls = [JSON.parse(Buffer.concat(chunks).toString()) as Call | Call[]].flat();
      batches.push(calls.length);
      const replies = calls.map(({ method }) =>
        method === "eth_chainId" ? { result: `0x${chainId.toString(16)}` } : reply(method),
      );
      const accident = replies.find((one) => typeof one !== "object");
      if (accident === "hang") return;
      if (accident === "cut") return void response.destroy();
      const told = replies.map((one, i) => ({
        jsonrpc: "2.0",
        id: calls[i]?.id,
        ...(one as object),
      }));
      if (typeof accident === "number") {
        response.writeHead(accident, { "content-type": "text/plain" }).end("no");
        return;
      }
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(told));
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/key-in-path`, batches };
}

function clientOf(urls: readonly string[], told: string[] = []): EvmClient {
  return createClient({
    chainId: 137,
    urls,
    timeoutMs: 300,
    clock: systemClock,
    onHealth: (_, reason) => void told.push(reason ?? "well"),
  });
}

const blockNumber = (client: EvmClient) =>
  client.read((server) => server.request({ method: "eth_blockNumber" }));

test("calls that are made in one go leave as one batch", async () => {
  const server = await serve(137, () => ({ result: "0x7" }));
  const read = await clientOf([server.url]).read((one) =>
    Promise.all([1, 2, 3].map(() => one.request({ method: "eth_blockNumber" }))),
  );
  expect(read).toEqual({ kind: "done", value: ["0x7", "0x7", "0x7"] });
  expect(server.batches).toEqual([1, 3]);
});

test.each<[string, Reply]>([
  ["says 503", 503],
  ["cuts the connection", "cut"],
  ["does not answer", "hang"],
  ["is in trouble", { error: { code: -32603, message: "internal error" } }],
])("a server that %s is passed over, and the next one is asked", async (_, reply) => {
  const sick = await serve(137, () => reply);
  const well = await serve(137, () => ({ result: "0x8" }));
  expect(await blockNumber(clientOf([sick.url, well.url]))).toEqual({ kind: "done", value: "0x8" });
  expect(await blockNumber(clientOf([NOBODY_HOME, well.url]))).toMatchObject({ value: "0x8" });
});

test("a server of another chain is never believed", async () => {
  const foreign = await serve(1, () => ({ result: "0x9" }));
  const client = clientOf([foreign.url]);
  const read = await blockNumber(client);
  expect(read).toMatchObject({ kind: "failed", retryable: true });
  expect(read).toHaveProperty("reason", expect.stringMatching(/serves chain 1$/));
});

test("a reason names the server by its host, since the rest of the address may be a key", async () => {
  const sick = await serve(137, () => 500);
  for (const url of [NOBODY_HOME, sick.url]) {
    const read = await blockNumber(clientOf([url]));
    expect(read).toMatchObject({ kind: "failed", retryable: true });
    expect(JSON.stringify(read)).toContain(new URL(url).host);
    expect(JSON.stringify(read)).not.toMatch(/key/);
  }
});

test("a call that a contract turns down is so everywhere: nobody else is asked", async () => {
  const first = await serve(137, () => ({
    error: { code: 3, message: "execution reverted: no", data: "0x08" },
  }));
  const second = await serve(137, () => ({ result: "0x1" }));
  const client = clientOf([first.url, second.url]);
  expect(await blockNumber(client)).toMatchObject({ kind: "failed", retryable: false });
  expect(second.batches).toEqual([]);
});

test("what may have arrived is told apart from what never left", async () => {
  const silent = async (url: string) => {
    const answer = await clientOf([url])
      .endpoints()[0]
      ?.ask((server) => server.request({ method: "eth_sendRawTransaction", params: ["0x00"] }));
    return answer?.kind === "silent" ? answer.mayHaveArrived : answer?.kind;
  };
  for (const reply of ["cut", "hang", 502] as const)
    expect(await silent((await serve(137, () => reply)).url)).toBe(true);
  expect(await silent((await serve(137, () => 429)).url)).toBe(false);
  expect(await silent(NOBODY_HOME)).toBe(false);
});

test("a server that fails is asked last for a while, and it is told when it begins and ends", async () => {
  const told: string[] = [];
  let isSick = true;
  const first = await serve(137, () => (isSick ? 503 : { result: "0x1" }));
  const second = await serve(137, () => ({ result: "0x2" }));
  const client = clientOf([first.url, second.url], told);
  await blockNumber(client);
  expect(client.endpoints().map(({ name }) => name)).toEqual([
    new URL(second.url).host,
    new URL(first.url).host,
  ]);
  isSick = false;
  await client.endpoints()[1]?.ask((server) => server.request({ method: "eth_blockNumber" }));
  expect(client.endpoints()[0]?.name).toBe(new URL(first.url).host);
  expect(told).toEqual([expect.stringMatching(/503|HTTP/), "well"]);
});

test("an answer that makes no sense is a failure, not an accident of ours", async () => {
  const server = await serve(137, () => ({ result: { number: 7 } }));
  const read = await clientOf([server.url]).read((one) => readHeader(one, "latest"));
  expect(read).toMatchObject({ kind: "failed", retryable: true });
});

test("a signal ends the waiting at once", async () => {
  const server = await serve(137, () => "hang");
  const stopping = new AbortController();
  const reading = clientOf([server.url, server.url]).read(
    (one) => one.request({ method: "eth_blockNumber" }),
    stopping.signal,
  );
  stopping.abort();
  expect(await reading).toMatchObject({ kind: "failed", retryable: true });
});
