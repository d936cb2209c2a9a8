import { Account, Asset, Keypair, Operation, TransactionBuilder } from "@stellar/stellar-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fundAccounts } from "./friendbot.ts";
import { loadAccount } from "./ledger/accounts.ts";
import { type Answer, call, post } from "./rpc/test-client.ts";
import { startStellarDevnet, type StellarDevnet } from "./start.ts";

let devnet: StellarDevnet;
const alice = Keypair.random();

beforeEach(async () => {
  devnet = await startStellarDevnet({ closeEveryMs: "manual" });
  fundAccounts(devnet.chain, [alice.publicKey()]);
});

afterEach(() => devnet.close());

test("a dropped request did nothing", async () => {
  devnet.faults.plan({ kind: "drop" });
  await expect(send(envelope())).rejects.toThrow("fetch failed");
  expect(devnet.chain.pending).toBe(0);
});

test("a dropped answer did everything", async () => {
  const text = envelope();
  devnet.faults.plan({ kind: "drop_answer" });
  await expect(send(text)).rejects.toThrow("fetch failed");
  expect(devnet.chain.pending).toBe(1);
  expect((await send(text))["status"]).toBe("DUPLICATE");
});

test("a burst of 503 ends by itself", async () => {
  devnet.faults.plan({ kind: "http_status", status: 503 }, { times: 3 });
  const statuses: number[] = [];
  for (let asked = 0; asked < 4; asked += 1) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "getHealth" });
    statuses.push((await post(devnet.url, body)).status);
  }
  expect(statuses).toEqual([503, 503, 503, 200]);
});

test("a delayed answer comes late", async () => {
  devnet.faults.plan({ kind: "delay", delayMs: 80 });
  const before = performance.now();
  await call(devnet.url, "getHealth");
  expect(performance.now() - before).toBeGreaterThanOrEqual(75);
});

test("an error of the server is an error of JSON-RPC", async () => {
  devnet.faults.plan({ kind: "rpc_error", code: -32603, message: "database is locked" });
  const { error } = await call(devnet.url, "getLatestLedger");
  expect(error).toEqual({ code: -32603, message: "database is locked" });
});

test("a lost transaction was PENDING and is never found; the same bytes can go again", async () => {
  const text = envelope();
  devnet.faults.plan({ kind: "lose_transaction" });
  const { status, hash } = await send(text);
  expect(status).toBe("PENDING");
  devnet.chain.closeLedger();
  expect(await find(hash)).toBe("NOT_FOUND");
  expect((await send(text))["status"]).toBe("PENDING");
  devnet.chain.closeLedger();
  expect(await find(hash)).toBe("SUCCESS");
});

test("the queue can be full, and can refuse, without anything being submitted", async () => {
  const text = envelope();
  devnet.faults.plan({ kind: "try_again_later" });
  devnet.faults.plan({ kind: "reject_transaction", code: "txInternalError" });
  expect((await send(text))["status"]).toBe("TRY_AGAIN_LATER");
  const refused = await send(text);
  expect(refused["status"]).toBe("ERROR");
  expect(refused["errorResultXdr"]).toBeTypeOf("string");
  expect(devnet.chain.pending).toBe(0);
});

test("a server that lags does not know of what has happened", async () => {
  const { hash } = await send(envelope());
  devnet.chain.closeLedger();
  devnet.faults.plan({ kind: "not_found" });
  expect(await find(hash)).toBe("NOT_FOUND");
  expect(await find(hash)).toBe("SUCCESS");
});

test("a page of events can come twice", async () => {
  const events = async (params: object) => (await call(devnet.url, "getEvents", params)).result;
  const first = await events({ startLedger: 1, pagination: { limit: 1 } });
  devnet.faults.plan({ kind: "repeat_page" });
  const pagination = { limit: 1, cursor: first?.["cursor"] };
  expect(await events({ pagination })).toEqual(first);
  expect((await events({ pagination }))?.["events"]).not.toEqual(first?.["events"]);
});

test("a fault waits for its method", async () => {
  devnet.faults.plan({ kind: "drop" }, { method: "getNetwork" });
  await call(devnet.url, "getHealth");
  await expect(call(devnet.url, "getNetwork")).rejects.toThrow("fetch failed");
  expect(devnet.faults.planned()).toEqual([]);
});

test("friendbot fails as well", async () => {
  devnet.faults.plan({ kind: "http_status", status: 503 }, { method: "friendbot" });
  expect((await fetch(`${devnet.friendbotUrl}?addr=${alice.publicKey()}`)).status).toBe(503);
});

test("faults, clock, ledgers and history are also commanded over HTTP", async () => {
  type Told = Record<string, unknown>;
  const command = async (method: string, path: string, body: object = {}): Promise<Told> => {
    const response = await fetch(`${devnet.url}/__devnet${path}`, {
      method,
      ...(method !== "GET" && { body: JSON.stringify(body) }),
    });
    return { status: response.status, ...((await response.json()) as Told) };
  };
  const before = await command("GET", "");
  const after = await command("POST", "/ledgers", { count: 5, advanceSeconds: 3600 });
  expect(after["latestLedger"]).toBe(Number(before["latestLedger"]) + 5);
  expect(Number(after["latestLedgerCloseTime"])).toBeGreaterThanOrEqual(
    Number(before["latestLedgerCloseTime"]) + 3600,
  );
  expect((await command("POST", "/history", { oldestLedger: 4 }))["oldestLedger"]).toBe(4);
  await command("POST", "/faults", {
    fault: { kind: "http_status" },
    method: "getHealth",
    times: 2,
  });
  expect(devnet.faults.planned()).toEqual([
    { fault: { kind: "http_status", status: 503 }, method: "getHealth", times: 2 },
  ]);
  expect((await command("DELETE", "/faults"))["faults"]).toEqual([]);
  const { hash } = await send(envelope());
  expect((await command("POST", "/lose", { hash }))["lost"]).toBe(true);
  expect((await command("POST", "/faults", { fault: { kind: "earthquake" } }))["status"]).toBe(400);
  expect((await command("POST", "/ledgers", { count: -1 }))["status"]).toBe(400);
  expect((await command("POST", "/nothing"))["status"]).toBe(404);
});

test("a page in a browser cannot command the chain", async () => {
  const response = await fetch(`${devnet.url}/__devnet/ledgers`, {
    method: "POST",
    headers: { origin: "https://elsewhere.example" },
    body: "{}",
  });
  expect(response.status).toBe(403);
});

function envelope(): string {
  const sequence = String(loadAccount(devnet.chain.state, alice.xdrAccountId())?.seqNum);
  const transaction = new TransactionBuilder(new Account(alice.publicKey(), sequence), {
    fee: "100",
    networkPassphrase: devnet.passphrase,
  })
    .addOperation(
      Operation.payment({ destination: alice.publicKey(), asset: Asset.native(), amount: "1" }),
    )
    .setTimeout(0)
    .build();
  transaction.sign(alice);
  return transaction.toEnvelope().toXdr("base64");
}

async function send(transaction: string): Promise<NonNullable<Answer["result"]>> {
  const { result } = await call(devnet.url, "sendTransaction", { transaction });
  if (!result) throw new Error("no result");
  return result;
}

async function find(hash: unknown): Promise<unknown> {
  return (await call(devnet.url, "getTransaction", { hash })).result?.["status"];
}
