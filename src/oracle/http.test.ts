import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../clock.ts";
import { httpPrice, KNOWN_FEEDS, parseFeed } from "./http.ts";
import { parseJsonText, pointTo } from "./json-text.ts";

const signal = new AbortController().signal;

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function readFrom(body: string, pointer: string, status = 200): Promise<unknown> {
  const url = await serve((_request, response) => response.writeHead(status).end(body));
  return httpPrice({ id: "test", url, pointer }, systemClock).read(signal);
}

test.each([
  ["coinbase", '{"data":{"amount":"0.09128","base":"XLM","currency":"USD"}}'],
  ["kraken", '{"error":[],"result":{"XXLMZUSD":{"c":["0.09128000","12.5"]}}}'],
  ["binance", '{"symbol":"XLMUSDT","price":"0.09128000"}'],
  ["bitstamp", '{"last":"0.09128","ask":"0.09130"}'],
])("the %s feed finds the price in an answer of its documented form", async (name, body) => {
  const pointer = KNOWN_FEEDS["XLM"]?.[name]?.pointer ?? "";
  expect(await readFrom(body, pointer)).toMatchObject({
    kind: "done",
    value: { usdMicroPerUnit: 91_280n },
  });
});

test("a price written as a number is taken as written, not as a float", async () => {
  expect(await readFrom('{"p":[0.1234567890123456789]}', "/p/0")).toMatchObject({
    value: { usdMicroPerUnit: 123_456n },
  });
  expect(parseJsonText('{"p":9007199254740993}')).toEqual({ p: "9007199254740993" });
});

test.each([
  ["an error body with status 200", '{"error":["EQuery:Unknown asset pair"]}', 200],
  ["a negative price", '{"p":"-1"}', 200],
  ["a zero", '{"p":"0.0"}', 200],
  ["no JSON", "<html>", 200],
  ["an object in place of the price", '{"p":{}}', 200],
  ["HTTP 429", '{"p":"1"}', 429],
  ["a body without end", JSON.stringify({ p: "1", filling: "x".repeat(300_000) }), 200],
])("%s is a failure, never a price", async (_what, body, status) => {
  expect(await readFrom(body, "/p", status)).toMatchObject({ kind: "failed" });
});

test("a redirect is not followed", async () => {
  const elsewhere = await serve((_request, response) => response.end('{"p":"1"}'));
  const url = await serve((_request, response) =>
    response.writeHead(302, { location: elsewhere }).end(),
  );
  const read = await httpPrice({ id: "test", url, pointer: "/p" }, systemClock).read(signal);
  expect(read).toMatchObject({ kind: "failed" });
});

test("a feed is a known name or an address with a pointer", () => {
  expect(parseFeed("kraken", "XLM")?.url).toContain("api.kraken.com");
  expect(parseFeed("https://prices.example/xlm?x=1#/data/usd~1x/0", "XLM")).toEqual({
    id: "prices.example",
    url: "https://prices.example/xlm?x=1",
    pointer: "/data/usd~1x/0",
  });
  for (const text of ["mtgox", "constructor", "https://prices.example/xlm", "ftp://x/#/p"]) {
    expect(parseFeed(text, "XLM"), text).toBeNull();
  }
});

test("a pointer escapes slash and tilde and does not reach inherited members", () => {
  const value = parseJsonText('{"a/b":{"c~d":["x"]}}');
  expect(pointTo(value, "/a~1b/c~0d/0")).toBe("x");
  expect(pointTo(value, "/constructor/name")).toBeUndefined();
});
