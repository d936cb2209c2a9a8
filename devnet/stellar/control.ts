import type { IncomingMessage } from "node:http";
import type { StellarChain } from "./chain.ts";
import { type Faults, readFault } from "./faults.ts";
import { type HttpAnswer, readBody } from "./rpc/http.ts";
import { isObject } from "./rpc/json-rpc.ts";

export interface ControlContext {
  readonly chain: StellarChain;
  readonly faults: Faults;
}

type Command = (context: ControlContext, body: Readonly<Record<string, unknown>>) => unknown;

/** What tests may do to the chain over HTTP, by method and path. */
const COMMANDS: Readonly<Record<string, Command>> = {
  "GET /__devnet": status,
  "POST /__devnet/ledgers": (context, body) => {
    context.chain.advanceTime(count(body, "advanceSeconds", 0));
    context.chain.advanceLedgers(Math.min(count(body, "count", 1), MAX_LEDGERS));
    return status(context, body);
  },
  "POST /__devnet/time": (context, body) => {
    context.chain.advanceTime(count(body, "advanceSeconds", 0));
    return status(context, body);
  },
  "POST /__devnet/history": (context, body) => {
    context.chain.history.cutBefore(count(body, "oldestLedger", 0));
    return status(context, body);
  },
  "POST /__devnet/faults": (context, body) => {
    const { method } = body;
    const times = count(body, "times", 1);
    context.faults.plan(readFault(body["fault"]), {
      times,
      ...(typeof method === "string" && { method }),
    });
    return status(context, body);
  },
  "DELETE /__devnet/faults": (context, body) => {
    context.faults.clear();
    return status(context, body);
  },
  "POST /__devnet/lose": ({ chain }, { hash }) => ({
    lost: typeof hash === "string" && chain.lose(hash),
  }),
};

const MAX_LEDGERS = 1_000_000;

/** Only for programs on this machine: not for other hosts, and not for pages in a browser. */
export async function answerControl(
  context: ControlContext,
  request: IncomingMessage,
  pathname: string,
): Promise<HttpAnswer> {
  const isLocal = /^(127\.|::1$|::ffff:127\.)/.test(request.socket.remoteAddress ?? "");
  if (!isLocal || request.headers.origin !== undefined) {
    return { status: 403, body: { error: "controls are for programs on this machine" } };
  }
  const command = COMMANDS[`${request.method} ${pathname.replace(/\/$/, "")}`];
  if (!command) return { status: 404, body: { error: "no such control" } };
  const text = await readBody(request);
  try {
    const body: unknown = text ? JSON.parse(text) : {};
    return { status: 200, body: command(context, isObject(body) ? body : {}) };
  } catch (error) {
    return { status: 400, body: { error: String(error) } };
  }
}

function status({ chain, faults }: ControlContext, _body: object): Record<string, unknown> {
  const { latest, oldest } = chain.history;
  return {
    latestLedger: latest.sequence,
    latestLedgerCloseTime: latest.closeTimeS,
    oldestLedger: oldest.sequence,
    pendingTransactions: chain.pending,
    ledgerEntries: chain.state.size,
    historyBytes: chain.history.bytes,
    timeOffsetMs: chain.timeOffsetMs,
    faults: faults.planned(),
  };
}

function count(body: Readonly<Record<string, unknown>>, name: string, fallback: number): number {
  const value = body[name] ?? fallback;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0) return value;
  throw new Error(`${name} must be a non-negative integer`);
}
