import type { FastifyReply, FastifyRequest } from "fastify";
import type { ErrorCode } from "#wire";
import { addressKey } from "./address.ts";
import { callerOf, callerOrNull } from "./caller.ts";
import { createCounters, type Count, type Counters } from "./counters.ts";
import type { HttpDeps } from "./deps.ts";
import { refuseUntil } from "./problem.ts";

/**
 * The request limits. What a key asks falls in one of two buckets: `orders` counts orders that were made;
 * `reads` counts everything else, a replayed or refused order too, so that an agent repeating a call in
 * doubt does not use up its orders.
 */
export interface Limits {
  /** Counts a read of the caller and shows the bucket; refuses when it is used up. */
  readonly countRead: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Refuses when the caller's reads are used up, without counting. */
  readonly requireReads: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Counts an order of the caller and shows the bucket; refuses when it is used up. */
  readonly countOrder: (request: FastifyRequest, reply: FastifyReply) => void;
  /** Counts a refused request of the caller as a read, if the caller is known. */
  readonly noteRefusal: (request: FastifyRequest) => void;
  /** Per address. */
  readonly countStatusPage: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly countVersionPage: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly failedKeys: Counters;
  /** The same for requests that need no key: the key's bucket when there is one, else the address's. */
  readonly countOpenRead: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly countOpenOrder: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly countPayment: (request: FastifyRequest, reply: FastifyReply) => void;
  readonly countHook: (request: FastifyRequest, reply: FastifyReply) => void;
}

export function createLimits({ clock, settings }: Pick<HttpDeps, "clock" | "settings">): Limits {
  const { limits } = settings;
  const orders = createCounters(clock, limits.orders);
  const reads = createCounters(clock, limits.reads);
  const statusPage = createCounters(clock, limits.statusPage);
  const versionPage = createCounters(clock, limits.versionPage);
  const perAddress =
    (counters: Counters) =>
    (request: FastifyRequest, reply: FastifyReply): void =>
      enforce(counters.take(addressKey(request.ip)), "too_many_requests", reply);
  const walkInReads = perAddress(createCounters(clock, limits.walkInReads));
  const walkInOrders = perAddress(createCounters(clock, limits.walkInOrders));
  const countRead: Limits["countRead"] = (request, reply) =>
    enforce(reads.take(callerOf(request).id), "rate_limit_exceeded", reply);
  const countOrder: Limits["countOrder"] = (request, reply) => {
    const { id, ordersPerHour } = callerOf(request);
    enforce(orders.take(id, ordersPerHour ?? undefined), "rate_limit_exceeded", reply);
  };
  const hasKey = (request: FastifyRequest): boolean => callerOrNull(request) !== null;
  return {
    countRead,
    countOrder,
    countOpenRead: (request, reply) => (hasKey(request) ? countRead : walkInReads)(request, reply),
    countOpenOrder: (request, reply) =>
      (hasKey(request) ? countOrder : walkInOrders)(request, reply),
    countPayment: perAddress(createCounters(clock, limits.walkInPayments)),
    countHook: perAddress(createCounters(clock, limits.hooks)),
    requireReads: (request, reply) => {
      const count = reads.peek(callerOf(request).id);
      if (count.isExceeded) enforce(count, "rate_limit_exceeded", reply);
    },
    noteRefusal: (request) => {
      const caller = callerOrNull(request);
      if (caller !== null) reads.take(caller.id);
    },
    countStatusPage: perAddress(statusPage),
    countVersionPage: perAddress(versionPage),
    failedKeys: createCounters(clock, limits.failedKeys),
  };
}

/** The two headers of draft-ietf-httpapi-ratelimit-headers-07. */
function showLimit(reply: FastifyReply, { limit, remaining, resetS, windowS }: Count): void {
  reply.headers({
    ratelimit: `limit=${limit}, remaining=${remaining}, reset=${resetS}`,
    "ratelimit-policy": `${limit};w=${windowS}`,
  });
}

/** Shows the limit on the answer; throws when the request is over it. */
export function enforce(count: Count, code: ErrorCode, reply: FastifyReply): void {
  showLimit(reply, count);
  if (!count.isExceeded) return;
  const { limit, windowS, resetS } = count;
  const detail = `The limit is ${limit} in ${windowS} s. Come back in ${resetS} s.`;
  throw refuseUntil(code, detail, resetS, { limit });
}
