import { randomBytes } from "node:crypto";
import { assert } from "../../errors.ts";
import type { RailContext, RailProblem, X402Scheme } from "../rail.ts";
import { rawAddress } from "../../chains/ton/addresses.ts";
import { checkServing } from "../../chains/ton/check.ts";
import { highloadWallet } from "../../chains/ton/highload.ts";
import { openJettonBook } from "../../chains/ton/jettons.ts";
import { openLoggedChain } from "../../chains/ton/logged-chain.ts";
import {
  type ParsedTon,
  parseTon,
  type TonConfig,
  type TonTexts,
} from "../../chains/ton/settings.ts";
import { openX402 } from "./x402.ts";

/** The scheme as a facilitator serves it to sellers that it does not know. */
export interface SchemeForOthers {
  readonly scheme: string;
  readonly network: string;
  /** The scheme was never published for version 1. */
  readonly networkV1: null;
  readonly family: string;
  readonly signers: readonly string[];
  readonly x402: X402Scheme;
  /** What stands in the way of carrying promises out now. */
  check(): Promise<readonly RailProblem[]>;
}

/** Who carries out other people's payments holds no money: what a shop needs is not asked for. */
export function parseForOthers(texts: TonTexts): ParsedTon {
  const { TREASURY_MNEMONIC: _, ...own } = texts;
  const parsed = parseTon({ ...own, TREASURY_KEY: randomBytes(32).toString("hex") });
  if (parsed.kind === "problems" || parsed.config.relayKeys !== null) return parsed;
  return { kind: "problems", problems: ["RELAY_KEY is missing: it pays the gas of settlements"] };
}

/** Opens no connection. The configuration must come from `parseForOthers`. */
export function openForOthers(config: TonConfig, context: RailContext): SchemeForOthers {
  const { relayKeys, treasuryKeys, network } = config;
  assert(relayKeys !== null, "a facilitator on TON without a relay");
  const chain = openLoggedChain(config, context);
  const jettons = openJettonBook(chain);
  const relay = highloadWallet(relayKeys);
  const treasury = highloadWallet(treasuryKeys).address;
  const receiver = { config, treasury, relay: relay.address };
  return {
    scheme: "exact",
    network: network.caip2,
    networkV1: null,
    family: "tvm:*",
    signers: [rawAddress(relay.address)],
    x402: openX402({ chain, jettons, clock: context.clock, receiver, relay }),
    check: () => checkServing({ chain, config, jettons, relay }),
  };
}
