import { openClient, type EvmClient } from "../../chains/evm/client.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Clock } from "../../clock.ts";
import { failed } from "../../outcome.ts";
import type { Authorization, RailContext, X402Scheme } from "../rail.ts";
import type { Hands } from "./check.ts";
import { createEmbedded } from "./embedded.ts";
import { readFate } from "./fate.ts";
import { readAuthorization, storedPromise, type ReadPromise } from "./read.ts";
import { openRelay } from "./relay.ts";
import { createRemote } from "./remote.ts";
import { createSimulations } from "./simulation.ts";
import { termsOf } from "./terms.ts";
import { createVerifier } from "./verify.ts";

export interface SchemeDeps {
  readonly config: EvmConfig;
  readonly client: EvmClient;
  readonly clock: Clock;
}

export interface OpenScheme {
  readonly x402: X402Scheme;
  /** Whoever carries promises out. */
  readonly hands: Hands;
}

/** The chain's client, which tells the log when a server begins or ceases to fail. */
export function openLoggedClient(config: EvmConfig, { clock, log }: RailContext): EvmClient {
  return openClient(config, clock, (server, reason) =>
    reason === null
      ? log.info("an RPC server answers again", { server })
      : log.warn("an RPC server fails; it is asked last for a while", { server, reason }),
  );
}

const NOT_OURS = failed("not a promise of this rail", "final");

/** The scheme `exact` on one chain, over the facilitator that the configuration names. Opens no connection. */
export function openScheme({ config, client, clock }: SchemeDeps): OpenScheme {
  const relay = openRelay(config, client, clock);
  const simulations = createSimulations(client);
  const verifier = createVerifier({ config, client, clock, simulations });
  const { facilitator: choice } = config;
  const remote = choice.kind === "remote" ? createRemote({ choice, verifier, clock }) : null;
  const facilitator = remote ?? createEmbedded(verifier, relay);

  const withPromise = async <Answer>(
    authorization: Authorization,
    call: (read: ReadPromise) => Promise<Answer>,
  ): Promise<Answer | typeof NOT_OURS> => {
    const read = storedPromise(config, authorization);
    return read === null ? NOT_OURS : call(read);
  };

  return {
    hands: { relay, supports: remote === null ? null : remote.supports },
    x402: {
      terms: (order) => termsOf(config, order, clock.now()),
      read: (version, payload, terms) => readAuthorization(config, version, payload, terms),
      verify: (authorization) => withPromise(authorization, (read) => facilitator.verify(read)),
      settle: (authorization) =>
        withPromise(authorization, (read) => facilitator.settle(read, authorization.ref)),
      fate: (authorization) =>
        withPromise(authorization, ({ promise }) => readFate(client, config, promise)),
    },
  };
}
