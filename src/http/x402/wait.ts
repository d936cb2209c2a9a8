import type { Order } from "../../orders/order.ts";
import type { HttpDeps } from "../deps.ts";

type WaitDeps = Pick<HttpDeps, "clock" | "feed" | "store">;

/**
 * The order once `isOver` says so of it, or after `ms`, whichever is first; read again at each of its events, one
 * read at a time. Null: there is no such order.
 */
export async function waitForOrder(
  { clock, feed, store }: WaitDeps,
  orderId: string,
  ms: number,
  isOver: (order: Order) => boolean | Promise<boolean>,
): Promise<Order | null> {
  const end = new AbortController();
  let wake = (): void => {};
  // Subscribed before the first read, so that no event falls between the two.
  let news = new Promise<void>((resolve) => (wake = resolve));
  const unsubscribe = feed.subscribe(orderId, () => wake());
  const timeout = clock.sleep(ms, end.signal);
  let isLate = false;
  void timeout.then(() => (isLate = true));
  try {
    for (;;) {
      const order = await store.read.orders.byId(orderId);
      if (order === null || isLate || (await isOver(order))) return order;
      await Promise.race([news, timeout]);
      news = new Promise((resolve) => (wake = resolve));
    }
  } finally {
    unsubscribe();
    end.abort();
  }
}
