import { type Address, type Hex, zeroAddress } from "viem";
import type { EvmClient, ServerClient } from "../../chains/evm/client.ts";
import { cloneCode, depositContracts } from "../../chains/evm/deposit-contracts.ts";
import { openPages, type PageSource, type SeenTransfer } from "../../chains/evm/pages.ts";
import { findSafePayers } from "../../chains/evm/payers.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Clock } from "../../clock.ts";
import type { Deposit, DepositsRead } from "../rail.ts";
import { isDirect, permitsOf, refsOf, type SpentPermit } from "./attribution.ts";
import { isNonceUsed } from "./state.ts";
import { readTransaction, type TransactionFacts } from "./transaction.ts";

export interface Watch {
  read(cursor: string | null, signal: AbortSignal): Promise<DepositsRead>;
  waitForNews(signal: AbortSignal): Promise<void>;
}

/**
 * The receiving half: every transfer to the treasury. Those that carried out a promise name it; what is emptied out
 * of our own deposit addresses was counted when it came in there.
 */
export function openWatch(client: EvmClient, config: EvmConfig, clock: Clock): Watch {
  const pages = openPages<Deposit>(client, config, clock);
  const ownClone = cloneCode(depositContracts(config.treasury).forwarder.address);
  const source: PageSource<Deposit> = {
    filters: async () => [{ tokens: config.tokens, side: "to", addresses: [config.treasury] }],
    items: (server, transfers) => depositsOf(server, { config, ownClone }, transfers),
  };
  return {
    read: (cursor, signal) => pages.read(source, cursor, signal),
    waitForNews: (signal) => pages.waitForNews(signal),
  };
}

async function depositsOf(
  server: ServerClient,
  { config, ownClone }: { readonly config: EvmConfig; readonly ownClone: Hex },
  transfers: readonly SeenTransfer[],
): Promise<readonly Deposit[]> {
  const senders = [...new Set(transfers.map(({ from }) => from))];
  const [refs, safe, codes] = await Promise.all([
    readRefs(server, config, transfers),
    findSafePayers(server, config, senders),
    readCodes(server, senders),
  ]);
  return transfers.flatMap((transfer): Deposit[] => {
    const { from, txId, index, amount, height, chainTimeMs, blockHash, isFinal } = transfer;
    if (codes.get(from)?.toLowerCase() === ownClone || isOurs(config, from)) return [];
    const ref = refs.get(transfer) ?? null;
    return [
      {
        txId,
        index,
        orderRef: "",
        ...(ref !== null && { authorizationRef: ref }),
        from,
        // Who signs a promise has a wallet that can use what comes back to it.
        isPayerSafe: ref !== null || safe.has(from.toLowerCase()),
        amount,
        height,
        chainTimeMs,
        blockHash,
        isFinal,
      },
    ];
  });
}

/** The treasury's own, and what a token makes out of nothing. */
function isOurs({ treasury }: EvmConfig, from: Address): boolean {
  return from === zeroAddress || from.toLowerCase() === treasury.toLowerCase();
}

async function readCodes(
  server: ServerClient,
  senders: readonly Address[],
): Promise<ReadonlyMap<Address, Hex>> {
  const codes = await Promise.all(
    senders.map((address) =>
      server.request({ method: "eth_getCode", params: [address, "latest"] }),
    ),
  );
  return new Map(senders.map((address, i) => [address, codes[i] ?? "0x"]));
}

async function readRefs(
  server: ServerClient,
  { caip2 }: EvmConfig,
  transfers: readonly SeenTransfer[],
): Promise<ReadonlyMap<SeenTransfer, string | null>> {
  const byTransaction = Map.groupBy(transfers, ({ txId }) => txId);
  const all = await Promise.all(
    [...byTransaction].map(async ([txId, own]) => {
      const facts = await readTransaction(server, txId);
      const refs = refsOf(caip2, own, facts, await spentPermits(server, facts));
      return own.map((transfer, i) => [transfer, refs[i] ?? null] as const);
    }),
  );
  return new Map(all.flat());
}

/** The permits of a transaction that were really spent: a call in a bundle may be a decoy. */
async function spentPermits(
  server: ServerClient,
  facts: TransactionFacts,
): Promise<readonly SpentPermit[]> {
  const permits = permitsOf(facts);
  if (isDirect(facts)) return permits;
  const spent = await Promise.all(
    permits.map((permit) => isNonceUsed(server, { method: "permit2", ...permit }, "latest")),
  );
  return permits.filter((_permit, i) => spent[i]);
}
