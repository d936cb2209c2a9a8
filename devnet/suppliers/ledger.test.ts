import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startFast } from "./test-client.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "card-supplier-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

test("a restarted supplier knows what it sold, whatever its seed", async () => {
  const before = await startFast({ dataDir, seed: "a" });
  const sold = await before.client.issue("order-1");
  await before.client.post(`/v1/cards/${String(sold.body["id"])}/activate`);
  await before.client.issue("order-2");
  const ledger = before.ledger();
  await before.close();

  const after = await startFast({ dataDir, seed: "b", apiKey: before.apiKey });
  expect(after.ledger()).toEqual(ledger);
  expect(after.balance()).toBe("99950.80");
  const again = await after.client.issue("order-1");
  expect(again.status).toBe(200);
  expect(again.body).toMatchObject({ number: sold.body["number"], status: "active" });
  expect(after.ledger()).toHaveLength(2);
  await after.close();
});

test("a line cut short by a kill is dropped, and the file goes on after it", async () => {
  const before = await startFast({ dataDir });
  await before.client.issue("order-1");
  await before.close();
  appendFileSync(join(dataDir, "cards.ndjson"), '{"event":"sold","card":{"id":"card_ha');

  const after = await startFast({ dataDir });
  expect(after.ledger().map((sold) => sold.reference)).toEqual(["order-1"]);
  await after.client.issue("order-2");
  await after.close();
  const lines = readFileSync(join(dataDir, "cards.ndjson"), "utf8").trimEnd().split("\n");
  expect(lines.map((line): unknown => JSON.parse(line))).toMatchObject([
    { event: "sold", card: { reference: "order-1" } },
    { event: "sold", card: { reference: "order-2" } },
  ]);
});

test("a reset survives a restart, and the file is for its owner only", async () => {
  const before = await startFast({ dataDir });
  await before.client.issue("order-1");
  before.reset();
  await before.client.issue("order-2");
  await before.close();
  const after = await startFast({ dataDir });
  expect(after.ledger().map((sold) => sold.reference)).toEqual(["order-2"]);
  await after.close();
  expect(statSync(join(dataDir, "cards.ndjson")).mode & 0o777).toBe(0o600);
});

test("the file is written before the answer leaves", async () => {
  const supplier = await startFast({
    dataDir,
    faults: [{ call: "issue", fault: "timeout", when: "after" }],
  });
  const given = fetch(`${supplier.url}/v1/cards`, {
    method: "POST",
    headers: { authorization: `Bearer ${supplier.apiKey}`, "idempotency-key": "order-1" },
    body: JSON.stringify({ reference: "order-1", face_value: "25.00", currency: "USD" }),
    signal: AbortSignal.timeout(500),
  });
  await expect(given).rejects.toThrow("aborted due to timeout");
  expect(readFileSync(join(dataDir, "cards.ndjson"), "utf8")).toContain('"reference":"order-1"');
  await supplier.close();
});
