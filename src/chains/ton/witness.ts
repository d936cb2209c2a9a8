import { type Address, type TupleItem, TupleReader } from "@ton/core";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome, unknown } from "../../outcome.ts";
import type { CallError } from "./call-error.ts";
import type { Link, MethodResult } from "./chain.ts";
import { type Answer, askInTurn, type OnHealth, openServer, outcomeOf } from "./in-turn.ts";
import { readAccount, type SeenAccount } from "./lite/account.ts";
import { type LiteConnection, liteConnection, NoAnswer } from "./lite/connection.ts";
import {
  accountAt,
  LiteError,
  newestBlock,
  runMethodAt,
  sendBoc,
  transactionAt,
} from "./lite/queries.ts";
import type { TonConfig } from "./settings.ts";

/** An account as of a masterchain block of the witness. */
export interface SeenState extends SeenAccount {
  /** Of that block. */
  readonly chainTimeMs: number;
}

/** A second source of the chain, to hold the first one against. Reasons name a server by host and port. */
export interface Witness {
  state(address: Address): Promise<Outcome<SeenState>>;
  /** False: none of its servers knows that transaction of the account, now. */
  has(address: Address, link: Link): Promise<Outcome<boolean>>;
  run(address: Address, method: string, stack?: TupleItem[]): Promise<Outcome<MethodResult>>;
  /** `done`: a server took it. `failed`: none did, now. `unknown`: an answer was lost. */
  send(boc: Buffer): Promise<Outcome<null>>;
}

export interface WitnessOptions {
  readonly config: Pick<TonConfig, "liteServers" | "tuning">;
  readonly clock: Clock;
  readonly onHealth?: OnHealth;
}

/** LiteServers, asked in turn. They are taken at their word: that they lie as the first source does is not feared. */
export function openWitness({ config, clock, onHealth }: WitnessOptions): Witness {
  const servers = config.liteServers.map((address) => {
    const name = `${address.host}:${address.port}`;
    return openServer(name, liteConnection(address, config.tuning.callTimeoutMs), onHealth);
  });
  const asking = { servers, clock, errorOf };
  const ask = <Value>(
    call: (connection: LiteConnection) => Promise<Value>,
  ): Promise<Answer<Value>> => askInTurn(asking, call);
  return {
    state: async (address) =>
      outcomeOf(
        await ask(async (connection) => {
          const { id, timeS } = await newestBlock(connection);
          const account = readAccount(address, await accountAt(connection, address, id));
          return { ...account, chainTimeMs: timeS * 1_000 };
        }),
      ),
    async has(address, link) {
      const answer = await ask(async (connection) => {
        const cell = await transactionAt(connection, address, link);
        return cell?.hash().toString("hex") === link.hash;
      });
      if (answer.kind === "error" && answer.error.isMissing) return done(false);
      return outcomeOf(answer);
    },
    run: async (address, method, stack = []) =>
      outcomeOf(
        await ask(async (connection) => {
          const { id } = await newestBlock(connection);
          const result = await runMethodAt(connection, { address, method, stack }, id);
          return { exitCode: result.exitCode, stack: new TupleReader(result.stack) };
        }),
      ),
    async send(boc) {
      const answer = await ask((connection) => sendBoc(connection, boc));
      if (answer.kind === "value") return done(null);
      const { reason } = answer.error;
      return answer.isPerhapsDone ? unknown(reason) : failed(reason, "retry");
    },
  };
}

const MAX_REASON = 300;
/** The LiteServer's own code for a time that has run out. */
const TIMEOUT = 652;

function errorOf(server: string, thrown: unknown): CallError {
  const said = (text: string): string => `${server}: ${text}`.slice(0, MAX_REASON);
  const message = thrown instanceof Error ? thrown.message : "unknown error";
  if (thrown instanceof NoAnswer) {
    const { isPerhapsDone } = thrown;
    const reason = said(`no answer (${message})`);
    return { reason, isMissing: false, isAbsent: true, isPerhapsDone };
  }
  const isRefused = thrown instanceof LiteError;
  return {
    reason: said(isRefused ? message : `its answer cannot be read: ${message}`),
    isMissing: isRefused,
    isAbsent: false,
    isPerhapsDone: !isRefused || thrown.code === TIMEOUT,
  };
}
