/** A buyer over plain HTTP. */
import type { CreateOrderResponse, OrderPhase, OrderView } from "#wire";

export interface Buyer {
  create(amount: string, headers?: Readonly<Record<string, string>>): Promise<CreateOrderResponse>;
  get(orderId: string): Promise<OrderView>;
  /** Polls until the order is in one of the phases; fails when it does not get there in time. */
  waitFor(orderId: string, phases: readonly OrderPhase[], limitMs?: number): Promise<OrderView>;
}

/** Repeats a request for as long as nobody listens: a shop that was killed is started again. */
export async function whileDown<Answer>(
  request: () => Promise<Answer>,
  limitMs = 30_000,
): Promise<Answer> {
  const untilMs = performance.now() + limitMs;
  for (;;) {
    try {
      return await request();
    } catch (error) {
      // What fetch throws when there is no connection or when it breaks off.
      if (!(error instanceof TypeError) || performance.now() > untilMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const POLL_MS = 25;
/** No answer of a shop on the same machine takes so long. */
const ANSWER_LIMIT_MS = 20_000;

export function createBuyer(url: () => string, apiKey: string): Buyer {
  const headers = { "X-Api-Key": apiKey };
  const get = async (orderId: string): Promise<OrderView> => {
    const answer = await fetch(`${url()}/v1/orders/${orderId}`, {
      headers,
      signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
    });
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
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
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
