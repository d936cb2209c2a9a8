import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { serveHttp } from "../../../tests/fixtures/http-server.ts";
import { openClient } from "../../chains/evm/client.ts";
import { systemClock } from "../../clock.ts";
import { storedPromise } from "./read.ts";
import { createRemote } from "./remote.ts";
import { createSimulations } from "./simulation.ts";
import { openOn, type OpenRail } from "./test-payer.ts";
import { createVerifier } from "./verify.ts";

let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());

const TX_ID = `0x${"ab".repeat(32)}`;

interface Heard {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A facilitator that says what a test wants it to; it carries nothing out. */
async function liar(answer: RequestListener): Promise<{ url: string; heard: Heard[] }> {
  const heard: Heard[] = [];
  const url = await serveHttp((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      heard.push({
        path: request.url ?? "",
        authorization: request.headers.authorization,
        body: JSON.parse(text === "" ? "{}" : text) as Heard["body"],
      });
      answer(request, response);
    });
  });
  return { url, heard };
}

function says(body: object, status = 200): RequestListener {
  return (_request, response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
}

/** An address that a server had until a moment ago. */
async function nobodyHome(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return `http://127.0.0.1:${typeof address === "object" ? address?.port : address}`;
}

function railWith(url: string, more: Readonly<Record<string, string>> = {}): OpenRail {
  return openOn(stage, { changes: { FACILITATOR: url, ...more } });
}

test("a promise goes out in the standard form, whichever version it came in", async () => {
  const { url, heard } = await liar(says({ success: true, transaction: TX_ID }));
  const { rail, promise } = railWith(`${url}/base/`);
  const authorization = await promise();
  expect(done(await rail.x402.settle(authorization))).toEqual({ txId: TX_ID });
  const { terms, payload } = authorization.body;
  expect(heard).toEqual([
    {
      path: "/base/settle",
      authorization: undefined,
      body: { x402Version: 2, paymentPayload: payload, paymentRequirements: terms },
    },
  ]);
});

test("one that says success and mines nothing has not paid: the chain says that it is open", async () => {
  const { url } = await liar(says({ success: true, transaction: TX_ID }));
  const { rail, promise } = railWith(url);
  const authorization = await promise();
  done(await rail.x402.settle(authorization));
  await stage.finalize();
  expect(done(await rail.x402.fate(authorization))).toEqual({ kind: "open" });
});

test("one that calls a bad payment good is not believed, nor even asked", async () => {
  const { url, heard } = await liar(says({ isValid: true }));
  const { rail, promise } = railWith(url);
  const payer = await stage.newAccount({ usdc: 5n });
  const poor = await promise({ payer });
  expect(await rail.x402.verify(poor)).toMatchObject({
    kind: "failed",
    retryable: false,
    reason: "invalid_exact_evm_insufficient_balance",
  });
  expect(heard).toEqual([]);
  expect(done(await rail.x402.verify(await promise()))).toBeNull();
  expect(heard.map(({ path }) => path)).toEqual(["/verify"]);
});

const failed = { kind: "failed", retryable: false };
const retry = { kind: "failed", retryable: true };
const unknown = { kind: "unknown" };

test.each<readonly [what: string, answer: RequestListener, settles: object, verifies: object]>([
  [
    "a refusal with its reason",
    says({ isValid: false, success: false, invalidReason: "r_1", errorReason: "r_1" }),
    { ...failed, reason: "r_1" },
    { ...failed, reason: "r_1" },
  ],
  [
    "a refusal under status 400",
    says({ isValid: false, success: false, invalidReason: "r_1", errorReason: "r_1" }, 400),
    { ...failed, reason: "r_1" },
    { ...failed, reason: "r_1" },
  ],
  [
    "a refusal in prose",
    says({ isValid: false, success: false, invalidReason: "<b>no</b>", errorReason: "<b>no</b>" }),
    { ...failed, reason: "invalid_transaction_state" },
    { ...failed, reason: "invalid_transaction_state" },
  ],
  [
    "a refusal that names a transaction",
    says({ success: false, errorReason: "duplicate_settlement", transaction: TX_ID }),
    unknown,
    unknown,
  ],
  [
    "settlement_pending",
    says({ success: false, errorReason: "settlement_pending" }),
    unknown,
    unknown,
  ],
  ["neither yes nor no", says({ success: "perhaps", isValid: "perhaps" }), unknown, unknown],
  ["a 502 without a word", says({}, 502), unknown, unknown],
  ["a 401", says({ error: "unauthorized" }, 401), retry, unknown],
  ["a 429", says({}, 429), retry, unknown],
  ["a page of HTML", (_request, response) => response.end("<html></html>"), unknown, unknown],
  ["JSON that is no object", (_request, response) => response.end("[1]"), unknown, unknown],
  ["a cut connection", (_request, response) => response.destroy(), unknown, unknown],
  [
    "somewhere else to go",
    (_request, response) => response.writeHead(307, { location: "http://127.0.0.1:1/" }).end(),
    unknown,
    unknown,
  ],
])("%s", async (_what, answer, settles, verifies) => {
  const { url } = await liar(answer);
  const { rail, promise } = railWith(url);
  const authorization = await promise();
  expect(await rail.x402.settle(authorization)).toMatchObject(settles);
  expect(await rail.x402.verify(authorization)).toMatchObject(verifies);
});

test("an answer without end is cut off", async () => {
  const { url } = await liar((_request, response) => {
    const pour = (): void => {
      while (!response.destroyed && response.write("x".repeat(100_000)));
    };
    response.on("drain", pour);
    pour();
  });
  const { rail, promise } = railWith(url);
  expect(await rail.x402.settle(await promise())).toMatchObject(unknown);
});

test("nobody at home: nothing was sent, and nobody is judged", async () => {
  const { rail, promise } = railWith(await nobodyHome());
  const authorization = await promise();
  expect(await rail.x402.settle(authorization)).toMatchObject(retry);
  expect(await rail.x402.verify(authorization)).toMatchObject(unknown);
});

test("one that settles and then stays silent leaves it unknown; the chain tells", async () => {
  const embedded = openOn(stage);
  const authorization = await embedded.promise();
  const { url } = await liar(() => void embedded.rail.x402.settle(authorization));
  const config = stage.config({ FACILITATOR: url });
  const client = openClient(config, systemClock);
  const simulations = createSimulations(client);
  const verifier = createVerifier({ config, client, clock: systemClock, simulations });
  const choice = { kind: "remote", url, key: null } as const;
  const remote = createRemote({ choice, verifier, clock: systemClock, settleLimitMs: 300 });
  const read = storedPromise(config, authorization);
  if (read === null) throw new Error("the promise cannot be read");
  expect(await remote.settle(read, authorization.ref)).toMatchObject(unknown);
  const { rail } = railWith(url);
  await expect
    .poll(async () => {
      await stage.devnet.mine();
      return done(await rail.x402.fate(authorization)).kind;
    })
    .toBe("used");
});

test("each request is signed where the facilitator wants that", async () => {
  const { url, heard } = await liar(says({ isValid: true, success: true, transaction: TX_ID }));
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const { rail, promise } = railWith(url, {
    FACILITATOR_KEY_ID: "key-1",
    FACILITATOR_KEY_SECRET: privateKey.export({ format: "pem", type: "sec1" }).toString(),
  });
  const authorization = await promise();
  done(await rail.x402.verify(authorization));
  done(await rail.x402.settle(authorization));
  const uris = heard.map(({ authorization: bearer = "" }) => {
    const [, claims = ""] = bearer.replace("Bearer ", "").split(".");
    return (JSON.parse(Buffer.from(claims, "base64url").toString()) as { uris: unknown }).uris;
  });
  const { host } = new URL(url);
  expect(uris).toEqual([[`POST ${host}/verify`], [`POST ${host}/settle`]]);
});

test.each([
  [
    "serves the network",
    { kinds: [{ x402Version: 2, scheme: "exact", network: "eip155:137" }] },
    [],
  ],
  [
    "serves another one",
    { kinds: [{ x402Version: 2, scheme: "exact", network: "eip155:1" }] },
    [{ severity: "fatal" }],
  ],
  ["does not say", {}, [{ severity: "warning" }]],
])("at the start a facilitator is asked whether it %s", async (_what, body, problems) => {
  const { url, heard } = await liar(says(body));
  const found = await railWith(url).rail.check();
  expect(found).toMatchObject(problems);
  expect(found).toHaveLength(problems.length);
  expect(heard.map(({ path }) => path)).toEqual(["/supported"]);
});
