/** A buyer over plain HTTP. */
import type { CreateOrderResponse, OrderPhase, OrderView } from "#wire";

export interface Buyer {
  create(amount: string, headers?: Readonly<Record<string, string>>): Promise<CreateOrderResponse>;
  get(orderId: string): Promise<OrderView>;
  /** Polls until the order is in one of the phases; fails when it does not get there in time. */
  waitFor(orderId: string, phases: readonly OrderPhase[], limitMs?: number): Promise<OrderView>;
}

const POLL_MS = 25;

export function createBuyer(url: () => string, apiKey: string): Buyer {
  const headers = { "X-Api-Key": apiKey };
  const get = async (orderId: string): Promise<OrderView> => {
    const answer = await fetch(`${url()}/v1/orders/${orderId}`, { headers });
    if (!answer.ok) throw new Error(`GET order: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as OrderView;
  };
  return {
    get,
    create: async (amount, extra = {}) => {
      const answer = await fetch(`${url()}/v1/orders`, {
        method: "POST",
        headers: { ...headers, "Content-Type": "application/json", ...extra },
        body: JSON.stringify({ amount_usdc: amount }),
      });
      const text = await answer.text();
      if (answer.status !== 201) throw new Error(`POST order: ${answer.status} ${text}`);
      return JSON.parse(text) as CreateOrderResponse;
    },
    waitFor: async (orderId, phases, limitMs = 30_000) => {
      const untilMs = performance.now() + limitMs;
      for (;;) {
        const view = await get(orderId);
        if (phases.includes(view.phase)) return view;
        if (performance.now() > untilMs)
          throw new Error(`order ${orderId} is still ${view.phase} (${view.status})`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
  };
}
