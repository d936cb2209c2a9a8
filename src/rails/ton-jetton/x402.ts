import { done, failed } from "../../outcome.ts";
import type { X402Scheme } from "../rail.ts";
import type { HighloadWallet } from "./highload.ts";
import { promiseFate } from "./promise-fate.ts";
import { readAuthorization, storedPromise } from "./read-promise.ts";
import { relayPromise } from "./relay.ts";
import { type Receiver, termsOf } from "./requirements.ts";
import { verifyPromise, type VerifyDeps } from "./verify.ts";

export interface X402Deps extends VerifyDeps {
  readonly receiver: Receiver;
  readonly relay: HighloadWallet;
}

const NOT_FIT = "invalid_payment_requirements";

/** x402's scheme "exact" on TON, version 2: the payer signs a jetton transfer and our relay pays the gas. */
export function openX402(deps: X402Deps): X402Scheme {
  const { receiver, chain } = deps;
  return {
    terms: (order) => termsOf(receiver, order),
    read: (version, payload, terms) => readAuthorization(receiver, version, payload, terms),
    async verify(authorization) {
      const promise = storedPromise(receiver, authorization);
      if (promise === null) return failed(NOT_FIT, "final");
      const verified = await verifyPromise(deps, promise);
      return verified.kind === "done" ? done(null) : verified;
    },
    async settle(authorization) {
      const promise = storedPromise(receiver, authorization);
      if (promise === null) return failed(NOT_FIT, "final");
      const wallet = await verifyPromise(deps, promise);
      if (wallet.kind !== "done") return wallet;
      const sent = await relayPromise(deps, promise.transfer, wallet.value);
      // Which transaction it became is known once the payee's jetton wallet has it.
      return sent.kind === "done" ? done({ txId: null }) : sent;
    },
    async fate(authorization) {
      const promise = storedPromise(receiver, authorization);
      return promise === null ? failed(NOT_FIT, "retry") : promiseFate(chain, promise);
    },
  };
}
