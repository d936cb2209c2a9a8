import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import { carryingCall } from "./calls.ts";
import type { PromiseFacilitator, Settled } from "./facilitator.ts";
import type { ReadPromise } from "./read.ts";
import type { Relay, Sending, Sent } from "./relay.ts";
import { simulationReason, type Verifier } from "./verify.ts";

/** Transactions that are looked after; forgetting one means at worst that it is sent a second time. */
const MAX_SENT = 10_000;

/**
 * Our own facilitator: gas keys of the shop send what payers have signed. It answers as soon as a server has the
 * transaction; whether that lands is for the rail's watcher to see.
 */
export function createEmbedded(verifier: Verifier, relay: Relay): PromiseFacilitator {
  const sentByRef = new Map<string, Sent>();
  const running = new Map<string, Promise<Outcome<Settled>>>();

  const send = async (read: ReadPromise, ref: string): Promise<Outcome<Settled>> => {
    const earlier = sentByRef.get(ref);
    if (earlier !== undefined) {
      const looked = await relay.lookAfter(earlier);
      if (looked.kind !== "failed") {
        sentByRef.set(ref, looked.sent);
        return outcomeOf(looked);
      }
      sentByRef.delete(ref);
    }
    const checked = await verifier.precheck(read);
    if (checked.kind === "unknown") return failed(checked.reason, "retry");
    if (checked.kind === "failed") return checked;
    const sending = await relay.send(carryingCall(read.promise));
    if (sending.kind === "failed") return sending.retryable ? sending : explain(read);
    if (sentByRef.size >= MAX_SENT) sentByRef.clear();
    sentByRef.set(ref, sending.sent);
    return outcomeOf(sending);
  };

  const explain = async ({ promise }: ReadPromise): Promise<Outcome<Settled>> => {
    const diagnosis = await verifier.diagnose(promise, simulationReason(promise));
    return diagnosis.kind === "failed"
      ? diagnosis
      : failed("the chain could not be asked", "retry");
  };

  return {
    verify: (read) => verifier.verify(read),
    settle: (read, ref) => {
      const known = running.get(ref);
      if (known !== undefined) return known;
      const run = send(read, ref).finally(() => running.delete(ref));
      running.set(ref, run);
      return run;
    },
  };
}

function outcomeOf(sending: Sending): Outcome<Settled> {
  if (sending.kind === "failed") return sending;
  return sending.kind === "sent" ? done({ txId: sending.sent.txId }) : unknown(sending.reason);
}
