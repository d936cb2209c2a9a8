/** Time and chance as arguments, so that a test decides both. */
export interface Runtime {
  /** Milliseconds since the epoch. */
  readonly nowMs: () => number;
  /** From 0 (included) to 1 (excluded). */
  readonly random: () => number;
  /** Resolves after `ms`; rejects with the signal's reason when it is aborted first. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
}

export const systemRuntime: Runtime = { nowMs: Date.now, random: Math.random, sleep };

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A signal that follows its parent and can also be ended here. Call `release` when it is no longer needed. */
export interface ChildSignal {
  readonly signal: AbortSignal;
  readonly abort: (reason: unknown) => void;
  readonly release: () => void;
}

/**
 * Not `AbortSignal.any`: on Node 20 the combined signals of a long-lived parent are never collected.
 */
export function childSignal(parent: AbortSignal | undefined): ChildSignal {
  const controller = new AbortController();
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted === true) follow();
  parent?.addEventListener("abort", follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    release: () => parent?.removeEventListener("abort", follow),
  };
}
