import { createServer } from "node:http";
import { once } from "node:events";
import { expect, test } from "vitest";
import { serveHttp } from "../../tests/fixtures/http-server.ts";
import { exchange, type Exchange } from "./exchange.ts";

function ask(url: string, timeoutMs = 10_000, signal?: AbortSignal): Promise<Exchange> {
  return exchange({
    method: "POST",
    url,
    headers: {},
    body: '{"hello":"supplier"}',
    timeoutMs,
    signal: signal ?? new AbortController().signal,
  });
}

test("an answer comes with its status, JSON and Retry-After", async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(429, {
      "content-type": "application/problem+json; charset=utf-8",
      "retry-after": "7",
    });
    response.end('{"code":"rate_limited"}');
  });
  expect(await ask(url)).toEqual({
    kind: "answered",
    status: 429,
    json: { code: "rate_limited" },
    retryAfterS: 7,
  });
});

test.each([
  ["another content type", "text/html", '{"code":"x"}'],
  ["no content type", "", '{"code":"x"}'],
  ["half a JSON text", "application/json", '{"code":'],
  ["nothing", "application/json", ""],
])("a body that is %s is an answer without JSON", async (_, contentType, body) => {
  const url = await serveHttp((_request, response) => {
    response.writeHead(200, contentType === "" ? {} : { "content-type": contentType }).end(body);
  });
  expect(await ask(url)).toEqual({
    kind: "answered",
    status: 200,
    json: undefined,
    retryAfterS: null,
  });
});

test("a Retry-After that is a date is left out", async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(503, { "retry-after": "Wed, 21 Oct 2026 07:28:00 GMT" }).end();
  });
  expect(await ask(url)).toMatchObject({ status: 503, retryAfterS: null });
});

test.each([
  ["a host that does not exist", "http://supplier.invalid", "ENOTFOUND|EAI_AGAIN"],
  ["a URL that is none", "supplier", "ERR_INVALID_URL"],
])("%s: the request never left", async (_, url, code) => {
  const answer = await ask(url);
  expect(answer.kind).toBe("unsent");
  expect(answer.kind === "unsent" && answer.reason).toMatch(new RegExp(code));
});

test("a port that nobody listens on any more: the request never left", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  const port = typeof address === "object" ? address?.port : address;
  expect(await ask(`http://localhost:${port}`)).toEqual({
    kind: "unsent",
    reason: "no connection: ECONNREFUSED",
  });
});

test("a signal that was aborted before keeps the request at home", async () => {
  let requests = 0;
  const url = await serveHttp((_, response) => {
    requests += 1;
    response.end();
  });
  expect((await ask(url, 10_000, AbortSignal.abort())).kind).toBe("unsent");
  expect(requests).toBe(0);
});

test("silence is lost after the time limit", async () => {
  const url = await serveHttp(() => undefined);
  expect(await ask(url, 100)).toEqual({ kind: "lost", reason: "no answer within 100 ms" });
});

test("an answer that stops in the middle is lost after the time limit", async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(201, { "content-type": "application/json", "content-length": "100" });
    response.write('{"id":');
  });
  expect(await ask(url, 200)).toEqual({ kind: "lost", reason: "no answer within 200 ms" });
});

test("an answer that is cut off is lost", async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(201, { "content-type": "application/json", "content-length": "100" });
    response.write('{"id":', () => response.destroy());
  });
  expect((await ask(url)).kind).toBe("lost");
});

test("a connection that is reset is lost: the request may have been read", async () => {
  const url = await serveHttp((request) => {
    request.socket.resetAndDestroy();
  });
  expect(await ask(url)).toEqual({ kind: "lost", reason: "connection broke: ECONNRESET" });
});

test("a caller who gives up on the way does not know how it ended", async () => {
  const giveUp = new AbortController();
  const url = await serveHttp(() => giveUp.abort());
  expect(await ask(url, 10_000, giveUp.signal)).toEqual({
    kind: "lost",
    reason: "given up while waiting for the answer",
  });
});

test("a longer answer is read where the caller expects one", async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify("x".repeat(100_000)));
  });
  const call = { method: "POST", url, headers: {}, timeoutMs: 10_000 } as const;
  const { signal } = new AbortController();
  expect((await exchange({ ...call, signal, maxAnswerBytes: 200_000 })).kind).toBe("answered");
  expect(await exchange({ ...call, signal, maxAnswerBytes: 90_000 })).toEqual({
    kind: "lost",
    reason: "answered more than 90000 bytes",
  });
});

test("a body is sent byte for byte", async () => {
  const bodies: string[] = [];
  const url = await serveHttp((request, response) => {
    request.setEncoding("utf8").on("data", (chunk: string) => bodies.push(chunk));
    request.on("end", () => response.end());
  });
  const body = '{ "b": 1,\n"a": "é" }';
  const { signal } = new AbortController();
  await exchange({ method: "POST", url, headers: {}, body, timeoutMs: 10_000, signal });
  expect(bodies).toEqual([body]);
});

test("an endless answer is left at 64 KiB", async () => {
  let isClosed = false;
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const more = (): void => {
      if (!isClosed) response.write("x".repeat(16_384), more);
    };
    response.on("close", () => {
      isClosed = true;
    });
    more();
  });
  expect(await ask(url)).toEqual({ kind: "lost", reason: "answered more than 65536 bytes" });
  await expect.poll(() => isClosed).toBe(true);
});
