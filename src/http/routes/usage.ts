import type { FastifyInstance } from "fastify";
import type { UsageView } from "#wire";
import type { OrderState } from "../../orders/lifecycle.ts";
import { viewBudget } from "../../orders/view.ts";
import type { ApiKeyRow } from "../../store/rows.ts";
import { callerOf } from "../caller.ts";
import type { HttpDeps } from "../deps.ts";
import type { Limits } from "../limits.ts";
import { answers, KEY_REFUSALS, WITH_KEY } from "../openapi.ts";
import { Usage } from "../schemas.ts";

/** What a key has spent, reserved and ordered. */
export function addUsageRoute(app: FastifyInstance, deps: HttpDeps, limits: Limits): void {
  app.get(
    "/v1/usage",
    {
      schema: {
        operationId: "getUsage",
        summary: "The key's budget and how its orders ended",
        security: WITH_KEY,
        response: answers({ 200: Usage }, KEY_REFUSALS),
      },
      onRequest: async (request, reply) => limits.countRead(request, reply),
    },
    (request) => readUsage(deps, callerOf(request)),
  );
}

async function readUsage(deps: Pick<HttpDeps, "store">, key: ApiKeyRow): Promise<UsageView> {
  const counts = await deps.store.read.orders.countByState(key.id);
  return {
    api_key_id: key.id,
    label: key.label,
    budget: viewBudget(key),
    orders: tally(counts),
  };
}

function tally(counts: Readonly<Partial<Record<OrderState, number>>>): UsageView["orders"] {
  const of = (state: OrderState): number => counts[state] ?? 0;
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const delivered = of("delivered");
  const failed = of("refund_due") + of("refunding");
  const refunded = of("refunded");
  const expired = of("expired");
  const rejected = of("rejected");
  const in_progress = total - delivered - failed - refunded - expired - rejected;
  return { total, delivered, failed, refunded, expired, rejected, in_progress };
}
