import type { Outcome } from "../../outcome.ts";
import type { ReadPromise } from "./read.ts";

/** A promise was sent; in which transaction, if that is known. */
export interface Settled {
  readonly txId: string | null;
}

/** Who judges payers' promises and carries them out: our own code, or somebody else's server. */
export interface PromiseFacilitator {
  /** As `X402Scheme.verify`. */
  verify(read: ReadPromise): Promise<Outcome<null>>;
  /** As `X402Scheme.settle`. `ref` names the promise. */
  settle(read: ReadPromise, ref: string): Promise<Outcome<Settled>>;
}
