import type { Hex } from "viem";
import { done, failed, unknown, type Failed, type Outcome, type Unknown } from "../../outcome.ts";
import type { Answer, EvmClient } from "./client.ts";

/**
 * Gives a signed transaction to the chain. Safe to repeat at any time: its nonce lets it land once. `done`: taken,
 * or there already, or another one has its nonce; only the chain tells which.
 */
export async function submitRaw(client: EvmClient, raw: Hex): Promise<Outcome<null>> {
  const refusals: (Failed | Unknown)[] = [];
  // One server's refusal may be its own trouble, so the others are asked too.
  for (const endpoint of client.endpoints()) {
    const answer = await endpoint.ask((server) =>
      server.request({ method: "eth_sendRawTransaction", params: [raw] }),
    );
    const outcome = interpret(answer);
    if (outcome.kind === "done") return outcome;
    refusals.push(outcome);
  }
  const reason = refusals.map((one) => one.reason).join("; ");
  return refusals.some(({ kind }) => kind === "unknown")
    ? unknown(reason)
    : failed(reason, "retry");
}

/** go-ethereum, erigon, nethermind, besu, reth and anvil each have words of their own. */
const THERE_ALREADY =
  /already known|already imported|known transaction|already exists|alreadyknown/i;
const NONCE_SPENT =
  /nonce (?:is )?too low|nonce too old|oldnonce|replacement transaction underpriced/i;

function interpret(answer: Answer<unknown>): Outcome<null> {
  switch (answer.kind) {
    case "result":
      return done(null);
    case "silent":
      return answer.mayHaveArrived ? unknown(answer.reason) : failed(answer.reason, "retry");
    case "foreign":
      return failed(answer.reason, "retry");
    case "error":
      if (THERE_ALREADY.test(answer.reason) || NONCE_SPENT.test(answer.reason)) return done(null);
      // An internal error may have come after the transaction was passed on.
      return answer.code === -32603 ? unknown(answer.reason) : failed(answer.reason, "retry");
  }
}
