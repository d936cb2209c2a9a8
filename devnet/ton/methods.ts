import { type Cell, loadMessage, type Message } from "@ton/core";
import { GetMethodError } from "@ton/sandbox";
import { ApiError } from "./api-error.ts";
import { RejectedMessage, type TonChain } from "./chain.ts";
import { messageKey, type StoredTransaction } from "./ledger.ts";
import {
  addressOf,
  bigintOf,
  hashOf,
  isTrue,
  numberOf,
  type Parameters,
  textOf,
} from "./parameters.ts";
import { itemView, readCell, readStack } from "./stack.ts";
import { readPage } from "./transactions.ts";
import { base64, blockIdView, transactionIdView, transactionView } from "./views.ts";

export const MASTERCHAIN = -1;
export const BASECHAIN = 0;
/** The most that toncenter gives at once. */
const MAX_LIMIT = 100;
/** How get-methods of accounts without code end. */
const NO_CODE = -13;

type Method = (chain: TonChain, given: Parameters) => Promise<unknown>;

const METHODS: Readonly<Record<string, Method>> = {
  getMasterchainInfo: async ({ ledger }) => {
    const last = blockIdView(ledger.latest().seqno, MASTERCHAIN);
    const init = blockIdView(0, MASTERCHAIN);
    return {
      "@type": "blocks.masterchainInfo",
      last,
      state_root_hash: last["root_hash"],
      init,
    };
  },
  getShards: shards,
  shards,
  getBlockHeader: blockHeader,
  getBlockTransactions: blockTransactions,
  getAddressInformation: addressInformation,
  getAddressBalance: async (chain, given) =>
    (await chain.contract(addressOf(given))).balance.toString(),
  getAddressState: async (chain, given) => stateOf(chain, given),
  getTransactions: async ({ ledger }, given) => {
    const page = {
      account: addressOf(given).toRawString(),
      start:
        given["lt"] === undefined
          ? null
          : { lt: bigintOf(given, "lt", 0n), hash: hashOf(given, "hash") },
      toLt: bigintOf(given, "to_lt", 0n),
      limit: Math.min(numberOf(given, "limit", 10), MAX_LIMIT),
      isArchival: isTrue(given, "archival"),
    };
    return readPage(ledger, page).map(transactionView);
  },
  tryLocateTx: async (chain, given) => located(chain, given, "destination"),
  tryLocateResultTx: async (chain, given) => located(chain, given, "destination"),
  tryLocateSourceTx: async (chain, given) => located(chain, given, "source"),
  runGetMethod,
};

/** These may close a block, so that they are no reading between two. */
const SENDING: Readonly<Record<string, Method>> = {
  sendBoc: async (chain, given) => {
    await submit(chain, given);
    return { "@type": "ok" };
  },
  sendBocReturnHash: async (chain, given) => {
    const hash = (await submit(chain, given)).toString("base64");
    return { "@type": "raw.extMessageInfo", hash };
  },
};

/** Serves one call of toncenter's API v2. @throws ApiError */
export function callMethod(chain: TonChain, name: string, given: Parameters): Promise<unknown> {
  const sending = Object.hasOwn(SENDING, name) ? SENDING[name] : undefined;
  if (sending) return sending(chain, given);
  const reading = Object.hasOwn(METHODS, name) ? METHODS[name] : undefined;
  if (!reading) throw new ApiError(404, `there is no method ${name}`);
  return chain.read(() => reading(chain, given));
}

async function shards(_: TonChain, given: Parameters): Promise<unknown> {
  return { "@type": "blocks.shards", shards: [blockIdView(numberOf(given, "seqno"), BASECHAIN)] };
}

async function blockHeader({ ledger }: TonChain, given: Parameters): Promise<unknown> {
  const block = blockOf({ ledger }, given);
  const lts = ledger.transactionsIn(block.seqno).map(({ lt }) => lt);
  return {
    "@type": "blocks.header",
    id: blockIdView(block.seqno, numberOf(given, "workchain")),
    gen_utime: block.utime,
    start_lt: (lts[0] ?? 0n).toString(),
    end_lt: (lts.at(-1) ?? 0n).toString(),
  };
}

function blockOf({ ledger }: Pick<TonChain, "ledger">, given: Parameters) {
  const block = ledger.block(numberOf(given, "seqno"));
  if (block) return block;
  throw new ApiError(500, "LITE_SERVER_NOTREADY: block is not in db");
}

async function blockTransactions(chain: TonChain, given: Parameters): Promise<unknown> {
  const block = blockOf(chain, given);
  const workchain = numberOf(given, "workchain");
  const transactions = workchain === BASECHAIN ? chain.ledger.transactionsIn(block.seqno) : [];
  return {
    "@type": "blocks.transactions",
    id: blockIdView(block.seqno, workchain),
    req_count: transactions.length,
    incomplete: false,
    transactions: transactions.map(shortView),
  };
}

function shortView({ account, lt, hash }: StoredTransaction): unknown {
  return {
    "@type": "blocks.shortTxId",
    mode: 135,
    account,
    lt: lt.toString(),
    hash: hash.toString("base64"),
  };
}

async function addressInformation(chain: TonChain, given: Parameters): Promise<unknown> {
  const address = addressOf(given);
  const { balance, accountState } = await chain.contract(address);
  const { seqno, utime } = chain.ledger.latest();
  const { code, data } = accountState?.type === "active" ? accountState.state : {};
  return {
    "@type": "raw.fullAccountState",
    balance: balance.toString(),
    extra_currencies: [],
    code: code ? base64(code) : "",
    data: data ? base64(data) : "",
    last_transaction_id: transactionIdView(chain.ledger.lastOf(address.toRawString())),
    block_id: blockIdView(seqno, MASTERCHAIN),
    frozen_hash: accountState?.type === "frozen" ? frozenHash(accountState.stateHash) : "",
    sync_utime: utime,
    state: await stateOf(chain, given),
  };
}

async function stateOf(chain: TonChain, given: Parameters): Promise<string> {
  const { accountState } = await chain.contract(addressOf(given));
  if (accountState?.type === "active" || accountState?.type === "frozen") return accountState.type;
  return "uninitialized";
}

function frozenHash(hash: bigint): string {
  return Buffer.from(hash.toString(16).padStart(64, "0"), "hex").toString("base64");
}

async function located(
  { ledger }: TonChain,
  given: Parameters,
  end: "source" | "destination",
): Promise<unknown> {
  const [from, to] = [addressOf(given, "source"), addressOf(given, "destination")];
  const found = ledger.locate(end, messageKey(from, to, bigintOf(given, "created_lt", 0n)));
  if (!found) throw new ApiError(404, "cannot locate transaction");
  return transactionView(found);
}

async function runGetMethod(chain: TonChain, given: Parameters): Promise<unknown> {
  const name = textOf(given, "method");
  const call = {
    address: addressOf(given),
    method: /^\d+$/.test(name) ? Number(name) : name,
    stack: readStack(given["stack"]),
  };
  const told = (gasUsed: bigint, stack: unknown[], exitCode: number) => ({
    "@type": "smc.runResult",
    gas_used: Number(gasUsed),
    stack,
    exit_code: exitCode,
    block_id: blockIdView(chain.ledger.latest().seqno, MASTERCHAIN),
  });
  try {
    const result = await chain.runMethod(call);
    if (!result) return told(0n, [], NO_CODE);
    return told(
      result.gasUsed,
      result.stack.map(itemView),
      result.exitCode === 1 ? 0 : result.exitCode,
    );
  } catch (error) {
    if (!(error instanceof GetMethodError)) throw error;
    return told(error.gasUsed, [], error.exitCode);
  }
}

async function submit(chain: TonChain, given: Parameters): Promise<Buffer> {
  return submitMessage(chain, readCell(textOf(given, "boc")));
}

/** Answers the message's hash. @throws ApiError, in the lite server's words if the contract would not take it */
export async function submitMessage(chain: TonChain, cell: Cell): Promise<Buffer> {
  return chain.submit(readMessage(cell)).catch(notApplied);
}

function readMessage(cell: Cell): Message {
  let message: Message;
  try {
    message = loadMessage(cell.beginParse());
  } catch (error) {
    throw new ApiError(422, `failed to parse boc: ${String(error)}`);
  }
  if (message.info.type === "external-in") return message;
  throw new ApiError(422, "only messages from outside can be sent");
}

/** @throws always */
function notApplied(error: unknown): never {
  if (!(error instanceof RejectedMessage)) throw error;
  const reason =
    error.exitCode === null ? error.message : `${error.message}: exitcode=${error.exitCode}`;
  throw new ApiError(
    500,
    `LITE_SERVER_UNKNOWN: cannot apply external message to current state : ${reason}`,
  );
}
