import type { Log } from "../log.ts";
import type { Feed } from "./feed.ts";

/** A feed within this process. A wake-up costs the same however many orders have listeners. */
export function createLocalFeed(log: Log): Feed {
  const listenersOf = new Map<string, Set<() => void>>();

  const wake = (orderId: string, listener: () => void): void => {
    try {
      listener();
    } catch (error) {
      log.error("a listener to an order threw", { orderId, error });
    }
  };
  return {
    publish(orderIds) {
      for (const orderId of orderIds) {
        // A copy, because a listener that subscribes anew must not be woken again by this event.
        const listeners = Array.from(listenersOf.get(orderId) ?? []);
        for (const listener of listeners) wake(orderId, listener);
      }
    },
    subscribe(orderId, listener) {
      const listeners = listenersOf.get(orderId) ?? new Set();
      listenersOf.set(orderId, listeners);
      // Wrapped, so that the same function may listen twice.
      const own = (): void => listener();
      listeners.add(own);
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && listenersOf.get(orderId) === listeners)
          listenersOf.delete(orderId);
      };
    },
  };
}
