import { done, failed, type Failed, type Outcome } from "../../outcome.ts";
import type { PayoutFate, SignedPayout } from "../rail.ts";
import { textIn, wholeIn, type Fields } from "./answer.ts";
import { parsed, type Endpoint, type Rpc } from "./rpc.ts";
import { resultCode } from "./submit.ts";

type Signed = Pick<SignedPayout, "txId" | "validUntilMs" | "signedAtHeight">;

/** What one server knows of a transaction. */
interface Sighting {
  readonly status: "SUCCESS" | "FAILED" | "NOT_FOUND";
  readonly latestClosedAtMs: number;
  readonly oldestLedger: number;
  /** Null while not found. */
  readonly applied: {
    readonly height: number;
    readonly closedAtMs: number;
    readonly code: string;
  } | null;
}

/**
 * What has become of a signed transaction. "Dead" is said on proof only: a ledger closed after the time bound
 * was read *before* a look-up that finds nothing on a server whose history reaches back to the signing, and no
 * other server that answers has it.
 */
export async function readFate(rpc: Rpc, signed: Signed): Promise<Outcome<PayoutFate>> {
  let best: PayoutFate | null = null;
  let problem: Failed = failed("no RPC server is configured", "retry");
  for (const endpoint of rpc.endpoints()) {
    const fate = await fateAt(endpoint, signed);
    if (fate.kind !== "done") {
      problem = fate;
      continue;
    }
    if (isOnChain(fate.value)) return fate;
    if (best === null || weight(fate.value) > weight(best)) best = fate.value;
  }
  return best === null ? problem : done(best);
}

/** No other server can contradict a ledger that has it. */
function isOnChain(fate: PayoutFate): boolean {
  return fate.kind === "final" || (fate.kind === "dead" && fate.reason !== ABSENT);
}

/** Which of two servers that did not find it to follow: a proof outweighs waiting, waiting outweighs an alarm. */
function weight(fate: PayoutFate): number {
  if (fate.kind === "dead") return 3;
  return fate.kind === "pending" ? 2 : 1;
}

const ABSENT = "its time bound has passed and no ledger has it";

async function fateAt(
  endpoint: Endpoint,
  signed: Signed,
): Promise<{ readonly kind: "done"; readonly value: PayoutFate } | Failed> {
  const pending = { kind: "done", value: { kind: "pending" } } as const;
  // A server looks the transaction up before it reads its last ledger; one that catches up may take in both the
  // transaction and a late ledger in between. So absence counts from the second look on: it began after a ledger
  // past the bound was there. Both looks must be that late, since an address may stand for several servers.
  let sighting: Sighting | null = null;
  for (let look = 1; look <= 2; look++) {
    const read = parsed(
      await endpoint.call("getTransaction", { hash: signed.txId }),
      endpoint,
      sightingOf,
    );
    if (read.kind !== "done") return read;
    sighting = read.value;
    if (sighting.applied !== null) return { kind: "done", value: settled(sighting) };
    const { validUntilMs } = signed;
    if (validUntilMs === null || sighting.latestClosedAtMs <= validUntilMs) return pending;
  }
  const oldestLedger = sighting?.oldestLedger ?? Infinity;
  if (oldestLedger > signed.signedAtHeight + 1) {
    const reason = `${endpoint.name} keeps ledgers from ${oldestLedger}; it was signed after ${signed.signedAtHeight}`;
    return { kind: "done", value: { kind: "unprovable", reason } };
  }
  return { kind: "done", value: { kind: "dead", reason: ABSENT } };
}

function settled(sighting: Sighting): PayoutFate {
  const { status, applied } = sighting;
  if (status === "SUCCESS" && applied !== null) {
    return { kind: "final", height: applied.height, chainTimeMs: applied.closedAtMs };
  }
  return { kind: "dead", reason: `it failed on chain: ${applied?.code ?? "unreadable"}` };
}

function sightingOf(result: Fields): Sighting {
  const status = textIn(result, "status");
  if (status !== "SUCCESS" && status !== "FAILED" && status !== "NOT_FOUND") {
    throw new Error(`getTransaction knows no status "${status.slice(0, 40)}"`);
  }
  const applied =
    status === "NOT_FOUND"
      ? null
      : {
          height: wholeIn(result, "ledger"),
          closedAtMs: wholeIn(result, "createdAt") * 1000,
          code: resultCode(result["resultXdr"]),
        };
  return {
    status,
    latestClosedAtMs: wholeIn(result, "latestLedgerCloseTime") * 1000,
    oldestLedger: wholeIn(result, "oldestLedger"),
    applied,
  };
}
