import { generatePrivateKey } from "viem/accounts";
import {
  type EvmTexts,
  type EvmConfig,
  type ParsedEvm,
  parseEvm,
} from "../../chains/evm/settings.ts";
import type { RailContext, RailProblem, X402Scheme } from "../rail.ts";
import { checkServing } from "./check.ts";
import { openLoggedClient, openScheme } from "./scheme.ts";

/** The scheme as a facilitator serves it to sellers that it does not know. */
export interface SchemeForOthers {
  readonly scheme: string;
  readonly network: string;
  readonly networkV1: string | null;
  readonly family: string;
  readonly signers: readonly string[];
  readonly x402: X402Scheme;
  /** What stands in the way of carrying promises out now. */
  check(): Promise<readonly RailProblem[]>;
}

/** What only a shop has, and what would send its promises elsewhere. */
const OF_A_SHOP = new Set([
  "DEPOSIT_FACTORY",
  "FACILITATOR",
  "FACILITATOR_KEY_ID",
  "FACILITATOR_KEY_SECRET",
  "TREASURY",
]);

/** Who carries out other people's payments holds no money: what a shop needs is not asked for. */
export function parseForOthers(chainId: string, texts: EvmTexts): ParsedEvm {
  const own = Object.fromEntries(Object.entries(texts).filter(([name]) => !OF_A_SHOP.has(name)));
  // A treasury's key that is given is still told apart from the relays'.
  const parsed = parseEvm(chainId, { TREASURY_KEY: generatePrivateKey(), ...own });
  if (parsed.kind === "problems" || parsed.config.relayKeys.length > 0) return parsed;
  return { kind: "problems", problems: ["RELAY_KEYS is missing: they pay the gas of settlements"] };
}

/** Opens no connection. The configuration must come from `parseForOthers`. */
export function openForOthers(config: EvmConfig, context: RailContext): SchemeForOthers {
  const client = openLoggedClient(config, context);
  const { x402, hands } = openScheme({ config, client, clock: context.clock });
  return {
    scheme: "exact",
    network: config.caip2,
    networkV1: config.network.x402V1Name,
    family: "eip155:*",
    signers: hands.relay.addresses,
    x402,
    check: () => checkServing({ client, config }, hands.relay),
  };
}
