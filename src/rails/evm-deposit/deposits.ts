import type { Address } from "viem";
import type { EvmClient, ServerClient } from "../../chains/evm/client.ts";
import { type DepositContracts, depositAddress } from "../../chains/evm/deposit-contracts.ts";
import { openPages, type PageSource, type SeenTransfer } from "../../chains/evm/pages.ts";
import { findSafePayers } from "../../chains/evm/payers.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { TransferFilter } from "../../chains/evm/transfers.ts";
import type { Clock } from "../../clock.ts";
import type { Deposit, DepositsRead, ExpectedOrder } from "../rail.ts";

export interface Watch {
  read(
    cursor: string | null,
    signal: AbortSignal,
    expected: () => Promise<readonly ExpectedOrder[]>,
  ): Promise<DepositsRead>;
  waitForNews(signal: AbortSignal): Promise<void>;
  /** Orders whose addresses may hold something: those that may be paid, and those that were. */
  readonly orders: () => readonly string[];
  readonly addressOf: (orderId: string) => Address;
  /** Tells that an order's address was seen empty. */
  readonly noteEmpty: (orderId: string) => void;
}

/** The receiving half: transfers to the addresses of the orders that may be paid. */
export function openWatch(
  client: EvmClient,
  config: EvmConfig,
  contracts: DepositContracts,
  clock: Clock,
): Watch {
  const pages = openPages<Deposit>(client, config, clock);
  const book = openAddressBook(contracts);
  let watched: readonly string[] = [];
  let isRestarted = true;
  const paid = new Set<string>();

  const source = (expected: () => Promise<readonly ExpectedOrder[]>): PageSource<Deposit> => ({
    async filters(open, held) {
      if (isRestarted) remember(paid, held);
      isRestarted = false;
      watched = [...new Set([...(await expected()).map(({ id }) => id), ...open])];
      book.forgetUnless(watched.length);
      return inChunks(watched.map(book.addressOf), config.tuning.logAddresses).map(
        (addresses): TransferFilter => ({ tokens: config.tokens, side: "to", addresses }),
      );
    },
    async items(server, transfers) {
      const deposits = await depositsOf(server, config, transfers.map(book.withOrder));
      const orderIds = deposits.map(({ orderRef }) => orderRef);
      remember(paid, orderIds);
      return deposits;
    },
    held: () => [...paid],
  });

  return {
    read: (cursor, signal, expected) => pages.read(source(expected), cursor, signal),
    waitForNews: (signal) => pages.waitForNews(signal),
    orders: () => [...new Set([...watched, ...paid])],
    addressOf: book.addressOf,
    noteEmpty: (orderId) => void paid.delete(orderId),
  };
}

/** More orders than are paid here between two sweeps; they are written with every cursor. */
const REMEMBERED_ORDERS = 500;

function remember(paid: Set<string>, orderIds: readonly string[]): void {
  for (const id of orderIds) {
    // Those of the last pages stay the longest.
    paid.delete(id);
    paid.add(id);
  }
  for (const id of paid) {
    if (paid.size <= REMEMBERED_ORDERS) break;
    paid.delete(id);
  }
}

/** A transfer whose receiver is an order's address. */
interface OrderTransfer extends SeenTransfer {
  readonly orderRef: string;
}

interface AddressBook {
  readonly addressOf: (orderId: string) => Address;
  readonly withOrder: (transfer: SeenTransfer) => OrderTransfer;
  /** Begins anew when it holds far more than the orders that are in use. */
  readonly forgetUnless: (inUse: number) => void;
}

const SPARE_ADDRESSES = 10_000;

/** Remembers addresses, since each takes three hashes and all of them are wanted at every block. */
function openAddressBook(contracts: DepositContracts): AddressBook {
  const addresses = new Map<string, Address>();
  const orders = new Map<Address, string>();
  return {
    addressOf(orderId) {
      const known = addresses.get(orderId);
      if (known !== undefined) return known;
      const address = depositAddress(contracts, orderId);
      addresses.set(orderId, address);
      orders.set(address, orderId);
      return address;
    },
    forgetUnless(inUse) {
      if (addresses.size <= 2 * inUse + SPARE_ADDRESSES) return;
      addresses.clear();
      orders.clear();
    },
    withOrder: (transfer) => ({ ...transfer, orderRef: orders.get(transfer.to) ?? "" }),
  };
}

async function depositsOf(
  server: ServerClient,
  config: EvmConfig,
  transfers: readonly OrderTransfer[],
): Promise<readonly Deposit[]> {
  const payers = transfers.map(({ from }) => from);
  const safe = await findSafePayers(server, config, payers);
  return transfers.map(({ from, ...transfer }) => ({
    txId: transfer.txId,
    index: transfer.index,
    orderRef: transfer.orderRef,
    from,
    isPayerSafe: safe.has(from.toLowerCase()),
    amount: transfer.amount,
    height: transfer.height,
    chainTimeMs: transfer.chainTimeMs,
    blockHash: transfer.blockHash,
    isFinal: transfer.isFinal,
  }));
}

function inChunks<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  const chunks: Item[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
