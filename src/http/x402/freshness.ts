import type { FastifyReply, FastifyRequest } from "fastify";
import type { OrderState } from "../../orders/lifecycle.ts";
import type { Version } from "./versions.ts";

/** What decides between answers to the same URL. */
const VARY = "Origin, Authorization, X-Access-Token, X-Api-Key";

const SOON_S = 1;
const LATER_S = 3;
/** States in which seconds matter to a waiting client. */
const BRISK: ReadonlySet<OrderState> = new Set(["confirming", "paid", "fulfilling"]);

/** Says how long an answer about an order holds. What shows goods is kept by nobody. */
export function showFreshness(
  reply: FastifyReply,
  version: Pick<Version, "isSettled" | "state" | "tag">,
  isOwn: boolean,
): void {
  reply.headers({ etag: version.tag(isOwn), vary: VARY });
  if (isOwn && version.state === "delivered") return void reply.header("cache-control", "no-store");
  if (version.isSettled)
    return void reply.header("cache-control", "private, max-age=3600, immutable");
  reply.headers({
    "cache-control": "private, max-age=1",
    "retry-after": String(BRISK.has(version.state) ? SOON_S : LATER_S),
  });
}

/** `If-None-Match` holds the tag, or any. Weak tags count as strong ones, as RFC 9110 section 13.1.2 has it. */
export function hasNewest({ headers }: Pick<FastifyRequest, "headers">, tag: string): boolean {
  const given = headers["if-none-match"];
  if (given === undefined) return false;
  return given
    .split(",")
    .map((each) => each.trim().replace(/^W\//, ""))
    .some((each) => each === tag || each === "*");
}

const WAIT = /(?:^|[,;\s])wait=(\d{1,4})(?:$|[,;\s])/i;

/** Milliseconds that the client lets an answer wait for news (`Prefer: wait=…`, RFC 7240); 0: none. */
export function waitWish({ headers }: Pick<FastifyRequest, "headers">, longestMs: number): number {
  const prefer = headers["prefer"];
  const seconds = WAIT.exec(typeof prefer === "string" ? prefer : "")?.[1];
  return seconds === undefined ? 0 : Math.min(Number(seconds) * 1000, longestMs);
}
