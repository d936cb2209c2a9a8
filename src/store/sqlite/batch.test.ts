import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate, setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { newKey, newOrder, NOW_MS } from "../../../tests/contracts/store/rows.ts";
import { dataFolder } from "../../../tests/fixtures/data-folder.ts";
import { Refusal } from "../../errors.ts";
import type { Actions, Tx } from "../tx.ts";
import { createRunBatch, type RunBatch } from "./batch.ts";
import type { Call, CallResult } from "./call.ts";
import { openOwned } from "./owner.ts";

function openBatch(more: (db: DatabaseSync) => Actions): { db: DatabaseSync; runBatch: RunBatch } {
  const { db, close } = openOwned(path.join(dataFolder(), "shop.db"));
  onTestFinished(close);
  const actions: Actions = {
    insertKey: (tx: Tx, id: string) => tx.keys.insert(newKey({ id })),
    refuse: async () => {
      throw new Refusal("not_found", "refused before anything was written");
    },
    ...more(db),
  };
  return { db, runBatch: createRunBatch(db, actions) };
}

const call = (name: string, input: unknown = null): Call => ({ name, input });
const insertKey = (id: string): Call => call("insertKey", id);
const kindsOf = (results: readonly CallResult[]) => results.map(({ kind }) => kind);
const broken = (reason: string): unknown =>
  expect.objectContaining({ kind: "broken", message: expect.stringContaining(reason) as string });

function storedKeys(db: DatabaseSync): unknown[] {
  return db
    .prepare("SELECT id FROM keys ORDER BY id")
    .all()
    .map((row) => row["id"]);
}

test("a commit that fails breaks every call of the batch, stores nothing and announces nothing", async () => {
  const { db, runBatch } = openBatch((own) => ({
    // Checked when the transaction commits, so this is an action that succeeds and a commit that does not.
    orderOfNobody: async (tx: Tx) => {
      own.exec("PRAGMA defer_foreign_keys = ON");
      await tx.orders.insert(newOrder({ keyId: "nobody" }));
      await tx.jobs.insert("fulfil", "ord_1", NOW_MS);
    },
  }));
  const answer = await runBatch([insertKey("a"), call("orderOfNobody"), insertKey("b")]);
  const failure = broken("nothing of its batch was stored: FOREIGN KEY constraint failed");
  expect(answer.results).toEqual([failure, failure, failure]);
  expect(answer.notice).toBeNull();
  expect(db.isTransaction).toBe(false);
  expect(storedKeys(db)).toEqual([]);
  expect(kindsOf((await runBatch([insertKey("c")])).results)).toEqual(["done"]);
  expect(storedKeys(db)).toEqual(["c"]);
});

test("a full disk breaks the batch, and the store goes on when there is room again", async () => {
  const { db, runBatch } = openBatch(() => ({
    insertMuch: async (tx: Tx) => {
      for (let i = 0; i < 200; i++)
        await tx.keys.insert(newKey({ id: `much ${i}`, label: "x".repeat(4000) }));
    },
  }));
  const pages = Number(db.prepare("PRAGMA page_count").get()?.["page_count"]);
  db.exec(`PRAGMA max_page_count = ${pages + 20}`);
  const { results, notice } = await runBatch([insertKey("a"), call("insertMuch"), insertKey("b")]);
  expect(kindsOf(results)).toContain("broken");
  expect(notice === null).toBe(storedKeys(db).length === 0);
  expect(storedKeys(db)).toEqual(
    ["a", "", "b"].filter((id, i) => id !== "" && results[i]?.kind === "done"),
  );
  db.exec("PRAGMA max_page_count = 1000000");
  expect(kindsOf((await runBatch([call("insertMuch")])).results)).toEqual(["done"]);
});

test.each<[string, () => Promise<unknown>]>([
  ["a timer", () => setTimeout(1)],
  ["the next turn of the event loop", () => setImmediate()],
  ["a file", () => readFile(import.meta.filename)],
  ["a name to be looked up", () => lookup("localhost")],
  ["nothing that ever comes", () => new Promise(() => {})],
])(
  "an action that waits for %s is broken and undone, and the others are stored",
  async (_, wait) => {
    const { db, runBatch } = openBatch(() => ({
      wait: async (tx: Tx) => {
        await tx.keys.insert(newKey({ id: "undone" }));
        await wait();
        await tx.keys.insert(newKey({ id: "too late" }));
      },
    }));
    const { results } = await runBatch([insertKey("a"), call("wait"), insertKey("b")]);
    expect(kindsOf(results)).toEqual(["done", "broken", "done"]);
    expect(results[1]).toEqual(broken("waits for something that is not the database"));
    await setTimeout(20);
    expect(storedKeys(db)).toEqual(["a", "b"]);
  },
);

test("an action may await as deep as it likes between its questions to the database", async () => {
  const { db, runBatch } = openBatch(() => ({
    deep: async (tx: Tx) => {
      const down = async (depth: number): Promise<number> => (depth === 0 ? 0 : down(depth - 1));
      for (const id of ["a", "b", "c"]) {
        await down(300);
        await Promise.all(Array.from({ length: 2000 }, () => down(3)));
        await tx.keys.insert(newKey({ id }));
      }
    },
  }));
  expect(kindsOf((await runBatch([call("deep")])).results)).toEqual(["done"]);
  expect(storedKeys(db)).toEqual(["a", "b", "c"]);
});

test("an action that did not wait for its writes can not write after its end", async () => {
  const late: unknown[] = [];
  const { db, runBatch } = openBatch(() => ({
    forget: async (tx: Tx) => {
      void (async () => {
        for (let i = 0; i < 40; i++) await Promise.resolve();
        await tx.keys
          .insert(newKey({ id: "forgotten" }))
          .catch((error: unknown) => late.push(error));
      })();
    },
  }));
  const { results } = await runBatch([call("forget"), insertKey("a")]);
  await setImmediate();
  expect(kindsOf(results)).toEqual(["done", "done"]);
  expect(late).toEqual([
    expect.objectContaining({ message: expect.stringContaining("an await is missing") as string }),
  ]);
  expect(storedKeys(db)).toEqual(["a"]);
});

test("an action may catch the failure of one of its writes and go on", async () => {
  const { db, runBatch } = openBatch(() => ({
    twice: async (tx: Tx) => {
      await tx.keys.insert(newKey({ id: "a" }));
      await tx.keys.insert(newKey({ id: "a" })).catch(() => null);
      await tx.keys.insert(newKey({ id: "b" }));
    },
  }));
  expect(kindsOf((await runBatch([call("twice")])).results)).toEqual(["done"]);
  expect(storedKeys(db)).toEqual(["a", "b"]);
});

test("a batch of refusals changes nothing and announces nothing", async () => {
  const { runBatch } = openBatch(() => ({}));
  const { results, notice } = await runBatch([call("refuse"), call("refuse")]);
  expect(kindsOf(results)).toEqual(["refused", "refused"]);
  expect(notice).toBeNull();
});
