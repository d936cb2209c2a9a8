import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { createLog } from "../log.ts";
import { createLocalFeed } from "./local.ts";

function openFeed() {
  const lines: string[] = [];
  const log = createLog({ level: "error", now: () => 0, write: (line) => lines.push(line) });
  return { feed: createLocalFeed(log), lines };
}

test("a wake-up reaches the listeners of its orders and no others", () => {
  const { feed } = openFeed();
  const heard: string[] = [];
  for (const id of ["a", "b", "c"]) feed.subscribe(id, () => heard.push(id));
  feed.publish(["a", "c"]);
  feed.publish([]);
  feed.publish(["nobody listens"]);
  expect(heard).toEqual(["a", "c"]);
});

test("the same listener may listen twice, and leaving once leaves the other", () => {
  const { feed } = openFeed();
  let heard = 0;
  const listener = (): void => void heard++;
  const leave = feed.subscribe("a", listener);
  feed.subscribe("a", listener);
  feed.publish(["a"]);
  leave();
  leave();
  feed.publish(["a"]);
  expect(heard).toBe(3);
});

test("a listener that throws is logged and hurts no other", () => {
  const { feed, lines } = openFeed();
  const heard: string[] = [];
  feed.subscribe("a", () => {
    throw new Error("a bad listener");
  });
  feed.subscribe("a", () => heard.push("a"));
  feed.subscribe("b", () => heard.push("b"));
  feed.publish(["a", "b"]);
  expect(heard).toEqual(["a", "b"]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain("a bad listener");
});

test("a listener may leave, or subscribe anew, while it is being woken", () => {
  const { feed } = openFeed();
  let heard = 0;
  const listen = (): void => {
    const leave = feed.subscribe("a", () => {
      heard++;
      leave();
      listen();
    });
  };
  listen();
  feed.publish(["a"]);
  feed.publish(["a"]);
  expect(heard).toBe(2);
});

test("an order without listeners costs nothing, however many came and went", () => {
  const { feed } = openFeed();
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const held = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = held();
  for (let i = 0; i < 100_000; i++) feed.subscribe(`order ${i}`, () => {})();
  // A hundred thousand forgotten entries would hold more than 10 MB.
  expect(held() - before).toBeLessThan(1_000_000);
  feed.publish(["order 1"]);
});

test("a wake-up costs the same with ten thousand other streams open", () => {
  const { feed } = openFeed();
  let others = 0;
  for (let i = 0; i < 10_000; i++) feed.subscribe(`other ${i}`, () => others++);
  let heard = 0;
  feed.subscribe("a", () => heard++);
  for (let i = 0; i < 10_000; i++) feed.publish(["a"]);
  expect([heard, others]).toEqual([10_000, 0]);
});
