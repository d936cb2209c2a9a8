import { type Address, type Hex, zeroAddress } from "viem";
import type { ServerClient } from "./client.ts";
import type { EvmConfig } from "./settings.ts";

/** EIP-7702: an account of a key that lends code. Its key can still send on whatever it is given. */
const DELEGATION = /^0xef0100[0-9a-f]{40}$/i;

/**
 * Which of these payers are accounts of a key, and no exchange's: money sent back there reaches the payer. By
 * address in lower case.
 */
export async function findSafePayers(
  server: ServerClient,
  { exchanges, treasury }: Pick<EvmConfig, "exchanges" | "treasury">,
  payers: readonly Address[],
): Promise<ReadonlySet<string>> {
  const distinct = [...new Set(payers.map((payer) => payer.toLowerCase() as Address))];
  const codes = await Promise.all(
    distinct.map((address) =>
      server.request({ method: "eth_getCode", params: [address, "latest"] }),
    ),
  );
  const safe = distinct.filter((address, i) => {
    const isOurs = address === treasury.toLowerCase() || address === zeroAddress;
    return !isOurs && !exchanges.has(address) && isAccountOfKey(codes[i] ?? "0x");
  });
  return new Set(safe);
}

function isAccountOfKey(code: Hex): boolean {
  return code === "0x" || DELEGATION.test(code);
}
