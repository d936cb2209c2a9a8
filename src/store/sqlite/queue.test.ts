import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { Refusal } from "../../errors.ts";
import type { Call, CallResult } from "./call.ts";
import { createCallQueue, type CallQueue } from "./queue.ts";

/** A queue whose engine is the test. */
function openQueue(maxWaiting = 10): { queue: CallQueue; sent: Call[][] } {
  const sent: Call[][] = [];
  const send = (calls: readonly Call[]): void => void sent.push(structuredClone([...calls]));
  return { queue: createCallQueue({ maxWaiting, send }), sent };
}

const done = (value: unknown): CallResult => ({ kind: "done", value });

test("calls of one turn are sent together and answered in their order", async () => {
  const { queue, sent } = openQueue();
  const answers = Promise.all([queue.call("a", 1), queue.call("b", 2), queue.call("c", 3)]);
  await setImmediate();
  expect(sent).toEqual([
    [
      { name: "a", input: 1 },
      { name: "b", input: 2 },
      { name: "c", input: 3 },
    ],
  ]);
  queue.settle([done("A"), done("B")]);
  queue.settle([done("C")]);
  expect(await answers).toEqual(["A", "B", "C"]);
});

test("a queue that is full refuses and says that nothing was stored, until an answer makes room", async () => {
  const { queue } = openQueue(2);
  const first = queue.call("a", null);
  await setImmediate();
  const second = queue.call("b", null);
  const refused = await queue.call("c", null).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(Refusal);
  expect(refused).toMatchObject({ code: "service_temporarily_unavailable" });
  expect((refused as Refusal).detail).toMatchInlineSnapshot(
    `"The shop has 2 writes waiting and takes no more. Nothing was stored; try again in a second."`,
  );
  queue.settle([done(1)]);
  expect(await first).toBe(1);
  const third = queue.call("d", null);
  await setImmediate();
  queue.settle([done(2), done(3)]);
  expect(await Promise.all([second, third])).toEqual([2, 3]);
});

test("an input that can not be copied breaks its own call and no other", async () => {
  const { queue, sent } = openQueue();
  const good = queue.call("a", 1);
  const bad = queue.call("b", () => 1);
  const alsoGood = queue.call("c", 3);
  await expect(bad).rejects.toThrow("the input of b cannot be copied");
  expect(sent.flat().map(({ name }) => name)).toEqual(["a", "c"]);
  queue.settle([done("A"), done("C")]);
  expect(await Promise.all([good, alsoGood])).toEqual(["A", "C"]);
});

test("a failure rejects what was sent, what was not, and what comes later", async () => {
  const { queue } = openQueue();
  const sent = queue.call("a", null);
  await setImmediate();
  const unsent = queue.call("b", null);
  const gone = new Error("the thread is gone");
  queue.fail(gone);
  const ended = await Promise.allSettled([sent, unsent, queue.call("c", null)]);
  expect(ended).toEqual([gone, gone, gone].map((reason) => ({ status: "rejected", reason })));
  await queue.close();
});

test("closing waits for the answers, and takes no new calls meanwhile", async () => {
  const { queue } = openQueue();
  const last = queue.call("a", null);
  let isClosed = false;
  const closed = queue.close().then(() => (isClosed = true));
  await expect(queue.call("b", null)).rejects.toThrow("the store is closed");
  await setImmediate();
  expect(isClosed).toBe(false);
  queue.settle([done("A")]);
  expect(await Promise.all([last, closed])).toEqual(["A", true]);
});
