import { done, failed, type Failed, type Outcome, unknown } from "../../outcome.ts";
import type { Authorization, X402Scheme } from "../rail.ts";
import type { HighloadWallet } from "../../chains/ton/highload.ts";
import { rememberLostRelays } from "./lost-relays.ts";
import { fateOf, promiseEnd } from "./promise-fate.ts";
import { readAuthorization, type ReadPromise, storedPromise } from "./read-promise.ts";
import { relayPromise } from "./relay.ts";
import { type Receiver, termsOf } from "./requirements.ts";
import { verifyPromise, type VerifyDeps } from "./verify.ts";

export interface X402Deps extends VerifyDeps {
  readonly receiver: Receiver;
  readonly relay: HighloadWallet;
}

const NOT_FIT = "invalid_payment_requirements";
/** Ours: no published reason says so. */
const TOO_MANY_LOST = "invalid_exact_tvm_payer_barred";

/** x402's scheme "exact" on TON, version 2: the payer signs a jetton transfer and our relay pays the gas. */
export function openX402(deps: X402Deps): X402Scheme {
  const { receiver, chain, clock } = deps;
  const lost = rememberLostRelays();
  const isBarred = ({ from }: Authorization): boolean => lost.isBarred(from, clock.now());
  const settle = async (authorization: Authorization, promise: ReadPromise): Promise<Settled> => {
    const settled = await settlePromise(deps, promise);
    if (settled.kind !== "failed")
      lost.noteRelayed(authorization.ref, authorization.from, clock.now());
    return settled;
  };
  return {
    terms: (order) => termsOf(receiver, order),
    read: (version, payload, terms) => readAuthorization(receiver, version, payload, terms),
    async verify(authorization) {
      const promise = storedPromise(receiver, authorization);
      if (promise === null) return failed(NOT_FIT, "final");
      if (isBarred(authorization)) return failed(TOO_MANY_LOST, "final");
      const verified = await verifyPromise(deps, promise);
      return verified.kind === "done" ? done(null) : verified;
    },
    async settle(authorization) {
      const promise = storedPromise(receiver, authorization);
      return promise === null ? failed(NOT_FIT, "final") : settle(authorization, promise);
    },
    async fate(authorization) {
      const promise = storedPromise(receiver, authorization);
      if (promise === null) return failed(NOT_FIT, "retry");
      const end = await promiseEnd(chain, promise);
      if (end.kind !== "done") return end;
      const fate = fateOf(end.value);
      if (fate.kind !== "open") lost.noteEnd(authorization.ref, fate.kind === "used", clock.now());
      return done(fate);
    },
  };
}

type Settled = Outcome<{ readonly txId: string | null }>;

async function settlePromise(deps: X402Deps, promise: ReadPromise): Promise<Settled> {
  const wallet = await verifyPromise(deps, promise);
  if (wallet.kind === "failed" && !wallet.retryable) return refuse(deps, promise, wallet);
  if (wallet.kind !== "done") return wallet;
  const sent = await relayPromise(deps, promise.transfer, wallet.value);
  return sent.kind === "done" ? done({ txId: sent.value }) : sent;
}

/** A promise would not be carried out any more when it has been; on its way, that is all there is to see. */
async function refuse(deps: X402Deps, promise: ReadPromise, refused: Failed): Promise<Settled> {
  const end = await promiseEnd(deps.chain, promise);
  if (end.kind !== "done") return unknown(end.reason);
  if (end.value.kind === "paid") return done({ txId: end.value.txId });
  return end.value.kind === "under_way" ? unknown("it is under way") : refused;
}
