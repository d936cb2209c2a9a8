import { Address, beginCell, Cell, loadTransaction } from "@ton/core";
import type { Fault } from "./faults.ts";
import type { Ledger, StoredTransaction } from "./ledger.ts";
import { addressOf, numberOf, type Parameters } from "./parameters.ts";
import { itemView } from "./stack.ts";
import { transactionIdView, transactionView } from "./views.ts";

type Json = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly ledger: Ledger;
  readonly method: string;
  readonly given: Parameters;
  /** What an honest server answers to such a call. */
  readonly truly: (given: Parameters) => Promise<unknown>;
}

/** The answer of a server that lies as planned; the true one where the fault is no lie, or not about this call. */
export function answerPerhapsFalsely(fault: Fault | null, asked: Asked): Promise<unknown> {
  switch (fault?.kind) {
    case "false_state":
      return falseState(fault, asked);
    case "invented_transaction":
      return invented(fault.boc, asked);
    case "wrong_wallet":
      return wrongWallet(fault.address, asked);
    default:
      return asked.truly(asked.given);
  }
}

async function falseState(
  fault: Extract<Fault, { kind: "false_state" }>,
  { ledger, method, given, truly }: Asked,
): Promise<unknown> {
  const answer = (await truly(given)) as Json;
  if (method !== "getAddressInformation") return answer;
  const { hiddenFromLt, laterSeconds = 0 } = fault;
  const all = ledger.transactionsOf(addressOf(given).toRawString());
  const shown = all.findLast(({ lt }) => hiddenFromLt === undefined || lt < BigInt(hiddenFromLt));
  return {
    ...answer,
    ...(hiddenFromLt !== undefined && { last_transaction_id: transactionIdView(shown ?? null) }),
    sync_utime: Number(answer["sync_utime"]) + laterSeconds,
  };
}

/** As if this transaction stood behind the one that it names as the one before it. */
async function invented(boc: string, { method, given, truly }: Asked): Promise<unknown> {
  const cell = Cell.fromBase64(boc);
  const transaction = loadTransaction(cell.beginParse());
  const stored: StoredTransaction = {
    seqno: 0,
    account: new Address(0, bytesOf(transaction.address)).toRawString(),
    lt: transaction.lt,
    hash: cell.hash(),
    boc: cell.toBoc(),
    messageKeys: [null],
  };
  const isAboutIt =
    given["address"] !== undefined && addressOf(given).toRawString() === stored.account;
  if (isAboutIt && method === "getAddressInformation") {
    const answer = (await truly(given)) as Json;
    return { ...answer, last_transaction_id: transactionIdView(stored) };
  }
  if (!isAboutIt || method !== "getTransactions" || given["lt"] !== String(stored.lt))
    return truly(given);
  const before = {
    ...given,
    lt: String(transaction.prevTransactionLt),
    hash: bytesOf(transaction.prevTransactionHash).toString("base64"),
    limit: numberOf(given, "limit", 10) - 1,
  };
  const isFirst = transaction.prevTransactionLt === 0n || before.limit === 0;
  const rest = isFirst ? [] : ((await truly(before)) as unknown[]);
  return [transactionView(stored), ...rest];
}

function bytesOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(64, "0"), "hex");
}

async function wrongWallet(address: string, { method, given, truly }: Asked): Promise<unknown> {
  const answer = (await truly(given)) as Json;
  if (method !== "runGetMethod" || given["method"] !== "get_wallet_address") return answer;
  const cell = beginCell().storeAddress(Address.parse(address)).endCell();
  return { ...answer, stack: [itemView({ type: "slice", cell })] };
}
