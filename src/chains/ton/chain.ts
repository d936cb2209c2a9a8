import { type Address, Cell, type Transaction, type TupleItem, type TupleReader } from "@ton/core";
import { TonClient } from "@ton/ton";
import type { Clock } from "../../clock.ts";
import { done, type Outcome, unknown } from "../../outcome.ts";
import { callErrorOf } from "./call-error.ts";
import {
  type Answer,
  askInTurn,
  type OnHealth,
  openServer,
  outcomeOf,
  type Server,
} from "./in-turn.ts";
import type { TonConfig } from "./settings.ts";

/** Names a transaction of an account, and with it everything before it: each holds the hash of the one before. */
export interface Link {
  readonly lt: bigint;
  /** 64 hex digits in lower case. */
  readonly hash: string;
}

/** Before an account's first transaction. */
export const NO_LINK: Link = { lt: 0n, hash: "0".repeat(64) };

/** An account as of a masterchain block: what is in it is final. */
export interface AccountState {
  readonly kind: "active" | "uninitialized" | "frozen";
  /** The last transaction; `NO_LINK` before the first. */
  readonly head: Link;
  readonly balanceNano: bigint;
  readonly code: Cell | null;
  readonly data: Cell | null;
  /** Of that masterchain block. Nothing can land any more with an earlier time. */
  readonly chainTimeMs: number;
}

/** `missing`: every server that could be asked says that it keeps no such history. */
export type TransactionsRead =
  | Outcome<readonly Transaction[]>
  | { readonly kind: "missing"; readonly reason: string };

export interface MethodResult {
  /** 0 or 1: it ran through. 11: there is no such method. */
  readonly exitCode: number;
  readonly stack: TupleReader;
}

/** A TON network through its servers. Reasons name a server by its host. */
export interface TonChain {
  /**
   * Everything that is read of an account begins here: its history is proven backwards from this head.
   * @param isCredible Asked of each server's answer, until one is credible; the last one is given when none is.
   */
  state(
    address: Address,
    isCredible?: (state: AccountState) => Promise<boolean>,
  ): Promise<Outcome<AccountState>>;
  /** Transactions from `from` on backwards, it included; at least one. Whether they hang together is not checked. */
  transactions(address: Address, from: Link, limit: number): Promise<TransactionsRead>;
  run(address: Address, method: string, stack?: TupleItem[]): Promise<Outcome<MethodResult>>;
  /** `done`: a server took it. `failed`: none did, now. `unknown`: an answer was lost. */
  send(boc: Buffer): Promise<Outcome<null>>;
  /** Why something failed last because two sources say what cannot both be true; absent where there is one source. */
  readonly contradiction?: () => string | null;
}

export interface TonChainOptions {
  readonly config: Pick<TonConfig, "rpcUrls" | "rpcKey" | "tuning">;
  readonly clock: Clock;
  readonly onHealth?: OnHealth;
}

/** Through servers that speak toncenter v2. Opens no connection. */
export function openChain(options: TonChainOptions): TonChain {
  const servers = options.config.rpcUrls.map((url) => serverAt(url, options));
  const asking = { servers, clock: options.clock, errorOf: callErrorOf };
  const ask = <Value>(call: Call<Value>): Promise<Answer<Value>> => askInTurn(asking, call);
  return {
    async state(address, isCredible = async () => true) {
      let incredible: AccountState | null = null;
      const answer = await ask(async (client) => {
        const state = stateOf(await client.getContractState(address));
        if (await isCredible(state)) return state;
        incredible = state;
        throw new Error("its answer is not credible");
      });
      if (answer.kind === "error" && incredible !== null) return done(incredible);
      return outcomeOf(answer);
    },
    async transactions(address, from, limit) {
      let answer = await ask(transactionsFrom(address, from, { limit }));
      // Only some of a provider's servers keep everything; they are asked when the others do not.
      if (answer.kind === "error" && answer.error.isMissing)
        answer = await ask(transactionsFrom(address, from, { limit, archival: true }));
      if (answer.kind === "error" && answer.error.isMissing)
        return { kind: "missing", reason: answer.error.reason };
      return outcomeOf(answer);
    },
    run: async (address, method, stack = []) =>
      outcomeOf(
        await ask(async (client) => {
          const result = await client.runMethodWithError(address, method, stack);
          return { exitCode: result.exit_code, stack: result.stack };
        }),
      ),
    async send(boc) {
      const answer = await ask(async (client) => {
        await client.sendFile(boc);
        return null;
      });
      if (answer.kind === "error" && answer.isPerhapsDone) return unknown(answer.error.reason);
      return outcomeOf(answer);
    },
  };
}

type Call<Value> = (client: TonClient) => Promise<Value>;

function transactionsFrom(
  address: Address,
  from: Link,
  options: { readonly limit: number; readonly archival?: true },
): Call<readonly Transaction[]> {
  const hash = Buffer.from(from.hash, "hex").toString("base64");
  return async (client) => {
    const lt = from.lt.toString();
    const list = await client.getTransactions(address, { ...options, lt, hash, inclusive: true });
    if (list.length === 0) throw new Error("no history: the server answers with an empty page");
    return list;
  };
}

type RawState = Awaited<ReturnType<TonClient["getContractState"]>>;

function stateOf(raw: RawState): AccountState {
  const { state, lastTransaction, balance, code, data, timestampt } = raw;
  return {
    kind: state,
    head:
      lastTransaction === null
        ? NO_LINK
        : {
            lt: BigInt(lastTransaction.lt),
            hash: Buffer.from(lastTransaction.hash, "base64").toString("hex"),
          },
    balanceNano: balance,
    code: cellOf(code),
    data: cellOf(data),
    chainTimeMs: timestampt * 1_000,
  };
}

function cellOf(boc: Buffer | null): Cell | null {
  return boc === null ? null : (Cell.fromBoc(boc)[0] ?? null);
}

function serverAt(url: string, { config, onHealth }: TonChainOptions): Server<TonClient> {
  const client = new TonClient({
    endpoint: url,
    timeout: config.tuning.callTimeoutMs,
    ...(config.rpcKey !== null && { apiKey: config.rpcKey }),
  });
  return openServer(new URL(url).host, client, onHealth);
}
