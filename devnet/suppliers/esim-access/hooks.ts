import type { CallParts } from "../call.ts";
import { hexDigits } from "../random.ts";
import type { EsimLedger, EsimOrder } from "./ledger.ts";
import type { EsimCall } from "./words.ts";

export interface HookParts extends CallParts<EsimCall> {
  readonly seed: string;
  readonly ledger: EsimLedger;
}

const HOOK_TIMEOUT_MS = 5_000;

/** Asks a new address whether anybody is there; only 200 counts. */
export async function checkHook(parts: HookParts, url: string): Promise<boolean> {
  const content = { orderNo: "1234567890", orderStatus: "Test" };
  return (await post(parts, url, { notifyType: "CHECK_HEALTH", content })) === 200;
}

/** Tells once the order's profiles are allocated; late, twice or never where the fault script says so. */
export async function announceOrder(parts: HookParts, order: EsimOrder): Promise<void> {
  const { clock, signal, faults, counts } = parts;
  await clock.sleep(order.allocatedAtMs - clock.now(), signal);
  const url = parts.ledger.hookUrl();
  if (signal.aborted || url === null) return;
  const { orderNo, transactionId, packageCode } = order;
  counts.hook += 1;
  const strike = faults.strike({ call: "hook", reference: transactionId, item: packageCode });
  if (strike.spoiling !== null) return;
  await clock.sleep(parts.latencyMs("hook", transactionId) + strike.extraDelayMs, signal);
  const content = { orderNo, orderStatus: "GOT_RESOURCE", transactionId };
  const times = strike.ignoresReference ? 2 : 1;
  for (let time = 0; time < times && !signal.aborted; time += 1)
    await post(parts, url, { notifyType: "ORDER_STATUS", content });
}

/** The status of the answer; 0 for none. A hook is a courtesy: nobody repeats one that was lost. */
async function post(
  { seed, clock, signal }: HookParts,
  url: string,
  hook: { readonly notifyType: string; readonly content: Readonly<Record<string, string>> },
): Promise<number> {
  const body = {
    ...hook,
    // The same for a hook that is sent twice, so that its receiver can tell.
    notifyId: hexDigits(32, seed, "hook", JSON.stringify(hook)),
    eventGenerateTime: new Date(clock.now()).toISOString(),
  };
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(HOOK_TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    return response.status;
  } catch {
    // Nobody there, too slow, or switched off meanwhile.
    return 0;
  }
}
