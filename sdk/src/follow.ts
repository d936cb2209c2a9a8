import { refusalOf, type Shop } from "./client.ts";
import { ApiError, BadAnswerError, NetworkError } from "./errors.ts";
import { exchange, parseRetryAfterS } from "./http.ts";
import { childSignal } from "./runtime.ts";
import { createSseParser } from "./sse.ts";

/** Something of a shop's that changes until it is over, readable as a stream and by polling. */
export interface Subject<View> {
  /** Its headers are read anew for each request. */
  readonly shop: Shop;
  /** Under the shop's base URL. */
  readonly path: string;
  readonly streamPath: string;
  /** @throws BadAnswerError */
  readonly parse: (json: unknown) => View;
  readonly isFinal: (view: View) => boolean;
  /** ISO 8601: tells an older answer from a newer one. */
  readonly updatedAt: (view: View) => string;
}

export interface FollowOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long to follow, from the call on. @default 900_000 (15 min) */
  readonly deadlineMs?: number | undefined;
  /** A stream without a byte (heartbeats included) for this long is dead. @default 45_000 */
  readonly stallMs?: number | undefined;
  /** First pause between two polls; grows to five times this. @default 1_000 */
  readonly pollMs?: number | undefined;
}

/** The error at the deadline, from the newest view; null when the shop never answered. */
type TimedOut<View> = (newest: View | null, waitedMs: number) => Error;

/**
 * Every view from now on, newest knowledge only, until the final one. Follows the stream; where that is stripped, ends
 * early or stalls, it polls without saying so and tries the stream again. Leaving the loop closes the connection.
 *
 * @throws what `timedOut` makes, ApiError for what time does not cure, BadAnswerError
 */
export async function* follow<View>(
  subject: Subject<View>,
  options: FollowOptions,
  timedOut: TimedOut<View>,
): AsyncGenerator<View, void, undefined> {
  const deadlineMs = options.deadlineMs ?? 900_000;
  const stop = childSignal(options.signal);
  const timer = setTimeout(() => stop.abort(null), Math.min(deadlineMs, MAX_TIMER_MS));
  const watch: Watch<View> = {
    ...subject,
    stallMs: options.stallMs ?? 45_000,
    pollMs: options.pollMs ?? 1_000,
    signal: stop.signal,
    lastEventId: "",
    tag: null,
    newest: null,
  };
  try {
    yield* alternate(watch);
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason;
    if (stop.signal.aborted) throw timedOut(watch.newest, deadlineMs);
    throw error;
  } finally {
    clearTimeout(timer);
    stop.abort(null);
    stop.release();
  }
}

/** A longer timer would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Watch<View> extends Subject<View> {
  readonly stallMs: number;
  readonly pollMs: number;
  readonly signal: AbortSignal;
  lastEventId: string;
  /** `ETag` of the newest polled answer. */
  tag: string | null;
  newest: View | null;
}

const MAX_POLLS_BETWEEN_STREAMS = 16;

async function* alternate<View>(watch: Watch<View>): AsyncGenerator<View, void, undefined> {
  for (let polls = 1; ; polls = Math.min(polls * 2, MAX_POLLS_BETWEEN_STREAMS)) {
    const known = watch.newest;
    const openedMs = watch.shop.runtime.nowMs();
    for await (const view of streamOnce(watch)) {
      yield view;
      if (watch.isFinal(view)) return;
    }
    const isLongLived = watch.shop.runtime.nowMs() - openedMs > watch.stallMs;
    // A stream that told something new or held was a good one: ask once, then stream again.
    if (watch.newest !== known || isLongLived) polls = 1;
    for await (const view of poll(watch, polls)) {
      yield view;
      if (watch.isFinal(view)) return;
    }
  }
}

/** The view when it is news: not what is known, nor older than it (answers of several servers may overtake). */
function takeNews<View>(watch: Watch<View>, view: View): View | null {
  const { newest, updatedAt } = watch;
  if (newest !== null) {
    if (Date.parse(updatedAt(view)) < Date.parse(updatedAt(newest))) return null;
    if (JSON.stringify(view) === JSON.stringify(newest)) return null;
  }
  watch.newest = view;
  return view;
}

const MAX_BAD_POLLS = 5;
const MAX_RETRY_AFTER_MS = 60_000;

/** Asks `count` times, the first time at once. Lost connections and failing servers are waited out. */
async function* poll<View>(
  watch: Watch<View>,
  count: number,
): AsyncGenerator<View, void, undefined> {
  const { shop, signal } = watch;
  let waitMs = 0;
  let bad = 0;
  for (let asked = 0; asked < count; asked++) {
    await shop.runtime.sleep(waitMs, signal);
    waitMs = watch.pollMs * Math.min(5, 1.5 ** asked) * (0.75 + shop.runtime.random() / 2);
    try {
      const { view, retryAfterS } = await ask(watch);
      waitMs = atLeast(waitMs, retryAfterS);
      bad = 0;
      if (view !== null) yield view;
    } catch (error) {
      if (signal.aborted || isTerminal(error)) throw error;
      if (error instanceof BadAnswerError && ++bad === MAX_BAD_POLLS) throw error;
      waitMs = atLeast(waitMs, error instanceof ApiError ? error.retryAfterS : null);
    }
  }
  await shop.runtime.sleep(waitMs, signal);
}

function atLeast(waitMs: number, retryAfterS: number | null): number {
  return Math.max(waitMs, Math.min((retryAfterS ?? 0) * 1000, MAX_RETRY_AFTER_MS));
}

interface Asked<View> {
  /** Null: nothing is new. */
  readonly view: View | null;
  readonly retryAfterS: number | null;
}

/** One poll. With the tag of what is known, an unchanged answer costs neither side anything. */
async function ask<View>(watch: Watch<View>): Promise<Asked<View>> {
  const { shop, path, signal, tag } = watch;
  const answer = await exchange(shop.fetch, {
    url: new URL(shop.baseUrl + path),
    method: "GET",
    headers: { ...shop.headers, ...(tag === null ? {} : { "If-None-Match": tag }) },
    timeoutMs: shop.timeoutMs,
    signal,
  });
  const nowMs = shop.runtime.nowMs();
  const retryAfterS = parseRetryAfterS(answer.headers.get("retry-after"), nowMs);
  if (answer.status === 304 && tag !== null) return { view: null, retryAfterS };
  if (answer.status !== 200) throw refusalOf(answer, nowMs);
  const view = watch.parse(answer.json);
  watch.tag = answer.headers.get("etag");
  return { view: takeNews(watch, view), retryAfterS };
}

const PASSING_STATUSES = new Set([408, 425, 429]);

/** Nothing that time would cure. */
function isTerminal(error: unknown): boolean {
  if (error instanceof ApiError) return error.status < 500 && !PASSING_STATUSES.has(error.status);
  return !(error instanceof NetworkError || error instanceof BadAnswerError);
}

/** A heartbeat proves only that the connection lives; without an event for this many stalls, look for ourselves. */
const QUIET_STALLS = 3;

/**
 * News from one connection to the stream, until it ends, breaks, stalls or turns out not to be an event stream: the
 * reader then simply finishes. Throws only what polling could not cure: 401, 403 and 404.
 */
async function* streamOnce<View>(watch: Watch<View>): AsyncGenerator<View, void, undefined> {
  const connection = childSignal(watch.signal);
  const stall = setTimeout(() => connection.abort(null), watch.stallMs);
  try {
    const response = await openStream(watch, connection.signal);
    if (response?.body === null || response === null) return;
    const parser = createSseParser();
    let quietSinceMs = watch.shop.runtime.nowMs();
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      stall.refresh();
      for (const event of parser.push(piece)) {
        const view = takeNews(watch, watch.parse(JSON.parse(event.data)));
        watch.lastEventId = event.id;
        quietSinceMs = watch.shop.runtime.nowMs();
        if (view !== null) yield view;
      }
      if (watch.shop.runtime.nowMs() - quietSinceMs > QUIET_STALLS * watch.stallMs) return;
    }
  } catch (error) {
    if (watch.signal.aborted) throw error;
    if (error instanceof ApiError && isTerminal(error)) throw error;
    // Anything else that goes wrong with a stream is a reason to poll, which tells the truth or fails with a name.
  } finally {
    clearTimeout(stall);
    connection.abort(null);
    connection.release();
  }
}

/** Null when this is not a stream to read. @throws ApiError for 401, 403 and 404 */
async function openStream<View>(watch: Watch<View>, signal: AbortSignal): Promise<Response | null> {
  const { shop } = watch;
  const response = await shop.fetch(new URL(shop.baseUrl + watch.streamPath), {
    headers: {
      ...shop.headers,
      Accept: "text/event-stream",
      ...(watch.lastEventId === "" ? {} : { "Last-Event-ID": watch.lastEventId }),
    },
    cache: "no-store",
    redirect: "manual",
    signal,
  });
  const isRefused = response.status === 401 || response.status === 403 || response.status === 404;
  if (isRefused) {
    // Some proxies refuse streams only: the subject itself decides whether this is final.
    await ask({ ...watch, tag: null, signal });
    return null;
  }
  const type = response.headers.get("content-type") ?? "";
  return response.status === 200 && /^\s*text\/event-stream\b/i.test(type) ? response : null;
}
