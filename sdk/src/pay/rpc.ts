import type { Vend402Error } from "../errors.ts";
import { exchange } from "../http.ts";
import { RpcError } from "./errors.ts";
import type { OpenNetwork } from "./network.ts";
import {
  accountKey,
  readAccountEntry,
  readTrustlineEntry,
  trustlineKey,
  type AccountEntry,
} from "./xdr.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the chain knows about a transaction, and how far the answering server can see. */
export interface TransactionSeen {
  readonly status: "SUCCESS" | "FAILED" | "NOT_FOUND";
  /** Ledger that applied it; null when NOT_FOUND. */
  readonly ledger: number | null;
  readonly oldestLedger: number;
  readonly latestLedger: number;
  /** Unix seconds, by the chain's clock. */
  readonly latestCloseTimeS: number;
  readonly resultXdr: string | null;
  readonly diagnosticEventsXdr: readonly string[];
}

export interface AccountSeen {
  readonly latestLedger: number;
  /** Null when the account does not exist. */
  readonly account: AccountEntry | null;
  /** Null without a trustline, or when no asset was asked for. */
  readonly trustline: { readonly balanceStroops: bigint; readonly isAuthorized: boolean } | null;
}

export interface Submission {
  readonly status: "PENDING" | "DUPLICATE" | "TRY_AGAIN_LATER" | "ERROR";
  /** Of ERROR: TransactionResult, base64. */
  readonly errorResultXdr: string | null;
}

/** The methods of a Stellar RPC server that a payer needs. Each rejects with RpcError and is tried once. */
export interface StellarRpc {
  readonly passphrase: (signal?: AbortSignal) => Promise<string>;
  /** @param asset "CODE:G…" of the trustline to read too */
  readonly account: (
    publicKey: string,
    asset: string | null,
    signal?: AbortSignal,
  ) => Promise<AccountSeen>;
  /** Raw result of simulateTransaction, for assembleTransaction. */
  readonly simulate: (envelope: string, signal?: AbortSignal) => Promise<Fields>;
  readonly send: (envelope: string, signal?: AbortSignal) => Promise<Submission>;
  readonly transaction: (hash: string, signal?: AbortSignal) => Promise<TransactionSeen>;
  /** Events of a contract's successful calls, oldest first, at most 100. */
  readonly events: (query: EventQuery, signal?: AbortSignal) => Promise<readonly EventSeen[]>;
}

export interface EventSeen {
  /** ScVal, base64. */
  readonly value: string;
  readonly transactionHash: string;
  readonly ledger: number;
}

export interface EventQuery {
  readonly startLedger: number;
  readonly contractId: string;
  /** Filters of ScVals in base64; "*" is any one topic. */
  readonly topics: readonly (readonly string[])[];
}

const TIMEOUT_MS = 15_000;

export function createRpc(network: OpenNetwork): StellarRpc {
  const ask = (method: string, params: Fields | undefined, signal: AbortSignal | undefined) =>
    askRpc(network, { method, params, signal });
  return {
    async passphrase(signal) {
      return text(await ask("getNetwork", undefined, signal), "passphrase", "getNetwork");
    },
    async account(publicKey, asset, signal) {
      const accountText = base64(accountKey(publicKey));
      const trustlineText = asset === null ? null : base64(trustlineKey(publicKey, asset));
      const keys = [accountText, ...(trustlineText === null ? [] : [trustlineText])];
      const answer = await ask("getLedgerEntries", { keys }, signal);
      const data = entryReader(answer["entries"]);
      return {
        latestLedger: whole(answer, "latestLedger", "getLedgerEntries"),
        account: data(accountText, readAccountEntry),
        trustline: trustlineText === null ? null : data(trustlineText, readTrustlineEntry),
      };
    },
    simulate: (envelope, signal) => ask("simulateTransaction", { transaction: envelope }, signal),
    async send(envelope, signal) {
      const answer = await ask("sendTransaction", { transaction: envelope }, signal);
      const { status, errorResultXdr } = answer;
      if (
        status !== "PENDING" &&
        status !== "DUPLICATE" &&
        status !== "TRY_AGAIN_LATER" &&
        status !== "ERROR"
      )
        throw new RpcError("sendTransaction", "an unknown status");
      return { status, errorResultXdr: typeof errorResultXdr === "string" ? errorResultXdr : null };
    },
    async transaction(hash, signal) {
      return transactionSeen(await ask("getTransaction", { hash }, signal));
    },
    async events({ startLedger, contractId, topics }, signal) {
      const filters = [{ type: "contract", contractIds: [contractId], topics }];
      const answer = await ask(
        "getEvents",
        { startLedger, filters, pagination: { limit: 100 } },
        signal,
      );
      const { events } = answer;
      if (!Array.isArray(events)) throw new RpcError("getEvents", "no list of events");
      return events
        .map((event: unknown) => event as Fields)
        .filter((event) => event["inSuccessfulContractCall"] !== false)
        .map((event) => ({
          value: text(event, "value", "getEvents"),
          transactionHash: text(event, "txHash", "getEvents"),
          ledger: whole(event, "ledger", "getEvents"),
        }));
    },
  };
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

function entryReader(entries: unknown) {
  if (entries !== null && entries !== undefined && !Array.isArray(entries))
    throw new RpcError("getLedgerEntries", "no list of entries");
  const rows = (entries ?? []) as readonly Fields[];
  return <Entry>(key: string, read: (data: Buffer) => Entry | null): Entry | null => {
    const row = rows.find((candidate) => candidate["key"] === key);
    if (row === undefined) return null;
    const entry = typeof row["xdr"] === "string" ? read(Buffer.from(row["xdr"], "base64")) : null;
    if (entry === null) throw new RpcError("getLedgerEntries", "an entry of another form");
    return entry;
  };
}

function transactionSeen(answer: Fields): TransactionSeen {
  const { status, diagnosticEventsXdr, resultXdr } = answer;
  if (status !== "SUCCESS" && status !== "FAILED" && status !== "NOT_FOUND")
    throw new RpcError("getTransaction", "an unknown status");
  return {
    status,
    ledger: status === "NOT_FOUND" ? null : whole(answer, "ledger", "getTransaction"),
    oldestLedger: whole(answer, "oldestLedger", "getTransaction"),
    latestLedger: whole(answer, "latestLedger", "getTransaction"),
    latestCloseTimeS: whole(answer, "latestLedgerCloseTime", "getTransaction"),
    resultXdr: typeof resultXdr === "string" ? resultXdr : null,
    diagnosticEventsXdr: Array.isArray(diagnosticEventsXdr)
      ? diagnosticEventsXdr.filter((event) => typeof event === "string")
      : [],
  };
}

interface RpcRequest {
  readonly method: string;
  readonly params: Fields | undefined;
  readonly signal: AbortSignal | undefined;
}

async function askRpc(
  network: OpenNetwork,
  { method, params, signal }: RpcRequest,
): Promise<Fields> {
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method,
    ...(params === undefined ? {} : { params }),
  });
  const answer = await exchange(network.fetch, {
    url: network.rpcUrl,
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
    timeoutMs: TIMEOUT_MS,
    signal,
  }).catch((cause: unknown) => {
    if (signal?.aborted === true) throw signal.reason;
    throw new RpcError(method, (cause as Vend402Error).shortMessage, cause);
  });
  if (answer.status !== 200) throw new RpcError(method, `status ${String(answer.status)}`);
  const reply = (
    typeof answer.json === "object" && answer.json !== null ? answer.json : {}
  ) as Fields;
  const error = reply["error"];
  if (typeof error === "object" && error !== null)
    throw new RpcError(method, String((error as Fields)["message"]).slice(0, 300));
  const result = reply["result"];
  if (typeof result !== "object" || result === null) throw new RpcError(method, "no result");
  return result as Fields;
}

function text(answer: Fields, name: string, method: string): string {
  const value = answer[name];
  if (typeof value !== "string") throw new RpcError(method, `no ${name}`);
  return value;
}

/** Servers write these as numbers or as decimal text. */
function whole(answer: Fields, name: string, method: string): number {
  const value = Number(answer[name]);
  if (!Number.isSafeInteger(value) || answer[name] === null || answer[name] === "")
    throw new RpcError(method, `no ${name}`);
  return value;
}
