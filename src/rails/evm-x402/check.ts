import { checkChain, checkGas, fatal, warning } from "../../chains/evm/check.ts";
import type { Purse } from "../../chains/evm/payout.ts";
import type { Outcome } from "../../outcome.ts";
import type { RailProblem } from "../rail.ts";
import { EXACT_PROXY, PERMIT2 } from "./promise.ts";
import type { Relay } from "./relay.ts";

/** Whoever carries promises out: our relay keys, or a server that must know this network. */
export interface Hands {
  readonly relay: Relay;
  /** Null: our own facilitator is used. */
  readonly supports: ((caip2: string) => Promise<Outcome<boolean>>) | null;
}

export async function checkRail(
  purse: Purse,
  hands: Hands,
  cursor: string | null,
): Promise<readonly RailProblem[]> {
  const chain = await checkChain(purse, cursor);
  if (chain.some(({ severity }) => severity === "fatal")) return chain;
  return [...chain, ...(await checkHands(purse, hands)), ...(await checkPermit2(purse))];
}

/** What must hold where promises are carried out for others, who watch their payments themselves. */
export async function checkServing(purse: Purse, relay: Relay): Promise<readonly RailProblem[]> {
  return [...(await checkHands(purse, { relay, supports: null })), ...(await checkPermit2(purse))];
}

async function checkHands(
  purse: Purse,
  { relay, supports }: Hands,
): Promise<readonly RailProblem[]> {
  const { caip2, facilitator } = purse.config;
  if (supports === null || facilitator.kind === "embedded") {
    const keys = relay.addresses.map((address) => checkGas(purse, "the relay key", address));
    return (await Promise.all(keys)).flat();
  }
  const host = new URL(facilitator.url).host;
  const answer = await supports(caip2);
  if (answer.kind !== "done")
    return [warning(`the facilitator ${host}: ${answer.reason}`, "Check FACILITATOR and its key.")];
  if (answer.value) return [];
  const fix = "Choose another FACILITATOR, or `embedded` with RELAY_KEYS.";
  return [fatal(`the facilitator ${host} takes no exact payments on ${caip2}`, fix)];
}

/** Tokens without signatures of their own are moved by two contracts that must be there. */
async function checkPermit2({ client, config }: Purse): Promise<readonly RailProblem[]> {
  const tokens = config.tokens.filter(({ method }) => method.kind === "permit2");
  if (tokens.length === 0) return [];
  const codes = await client.read((server) =>
    Promise.all([PERMIT2, EXACT_PROXY].map((address) => server.getCode({ address }))),
  );
  if (codes.kind !== "done")
    return [warning(`Permit2 could not be looked for: ${codes.reason}`, "Check the RPC servers.")];
  if (codes.value.every((code) => code !== undefined)) return [];
  const symbols = tokens.map(({ asset }) => asset.symbol).join(", ");
  const fix = "Leave these tokens out of ASSETS; they can still be paid to a deposit address.";
  return [fatal(`Permit2 or x402's proxy is not on this chain, which ${symbols} needs`, fix)];
}
