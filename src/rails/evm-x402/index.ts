import { openClient } from "../../chains/evm/client.ts";
import { confirmationsOf } from "../../chains/evm/finality.ts";
import { openPayouts } from "../../chains/evm/payouts.ts";
import { type EvmConfig, parseEvm } from "../../chains/evm/settings.ts";
import { done, failed } from "../../outcome.ts";
import type { Authorization, Rail, RailContext, X402Scheme } from "../rail.ts";
import { checkRail } from "./check.ts";
import { openWatch } from "./deposits.ts";
import { createEmbedded } from "./embedded.ts";
import type { PromiseFacilitator } from "./facilitator.ts";
import { readFate } from "./fate.ts";
import { readAuthorization, storedPromise, type ReadPromise } from "./read.ts";
import { openRelay } from "./relay.ts";
import { createRemote } from "./remote.ts";
import { createSimulations } from "./simulation.ts";
import { termsOf } from "./terms.ts";
import { createVerifier } from "./verify.ts";

/** Tokens on an EVM chain, paid by a signature that a facilitator carries out (x402, scheme `exact`). */
export const evmX402 = {
  kind: "evm-x402",
  parse: parseEvm,
  /** Opens no connection. The configuration must come from `parse`. */
  open(config: EvmConfig, { clock, log }: RailContext): Rail & { readonly x402: X402Scheme } {
    const client = openClient(config, clock, (server, reason) =>
      reason === null
        ? log.info("an RPC server answers again", { server })
        : log.warn("an RPC server fails; it is asked last for a while", { server, reason }),
    );
    const purse = { client, config };
    const watch = openWatch(client, config, clock);
    const relay = openRelay(config, client, clock);
    const simulations = createSimulations(client);
    const verifier = createVerifier({ config, client, clock, simulations });
    const { facilitator: choice } = config;
    const remote = choice.kind === "remote" ? createRemote({ choice, verifier, clock }) : null;
    const facilitator = remote ?? createEmbedded(verifier, relay);
    return {
      id: `${config.caip2}/x402`,
      kind: "evm-x402",
      assets: config.tokens.map(({ asset }) => asset),
      confirmations: confirmationsOf(config.finality),
      roundsAmounts: false,
      payouts: openPayouts(purse),
      x402: {
        terms: (order) => termsOf(config, order, clock.now()),
        read: (version, payload, terms) => readAuthorization(config, version, payload, terms),
        ...promiseCalls(config, facilitator),
        fate: async (authorization) => {
          const read = storedPromise(config, authorization);
          return read === null ? NOT_OURS : readFate(client, config, read.promise);
        },
      },
      instructions(order) {
        const accepts = termsOf(config, order, clock.now());
        return accepts.length === 0 ? null : { type: "x402", network: config.caip2, accepts };
      },
      readDeposits: (cursor, signal) => watch.read(cursor, signal),
      waitForNews: (signal) => watch.waitForNews(signal),
      // Payments go to the treasury itself.
      sweep: async () => done(null),
      check: (cursor = null) =>
        checkRail(purse, { relay, supports: remote === null ? null : remote.supports }, cursor),
    };
  },
} as const;

const NOT_OURS = failed("not a promise of this rail", "final");

/** The facilitator's calls on stored promises. */
function promiseCalls(
  config: EvmConfig,
  facilitator: PromiseFacilitator,
): Pick<X402Scheme, "verify" | "settle"> {
  const withPromise = async <Answer>(
    authorization: Authorization,
    call: (read: ReadPromise) => Promise<Answer>,
  ): Promise<Answer | typeof NOT_OURS> => {
    const read = storedPromise(config, authorization);
    return read === null ? NOT_OURS : call(read);
  };
  return {
    verify: (authorization) => withPromise(authorization, (read) => facilitator.verify(read)),
    settle: (authorization) =>
      withPromise(authorization, (read) => facilitator.settle(read, authorization.ref)),
  };
}
