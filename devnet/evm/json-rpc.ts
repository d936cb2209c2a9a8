import type { Fault, Faults } from "./faults.ts";
import type { Rpc } from "./rpc.ts";

type Json = Readonly<Record<string, unknown>>;

/** Carries a body to the chain and brings its answer back, unread. */
export type Forward = (body: string) => Promise<string>;

/** What becomes of a request: a text to answer with, or an accident of the connection. */
export interface Fate {
  readonly text: string;
  /** Answered with this HTTP status, without a body; null when all is well. */
  readonly status: number | null;
  /** The connection is cut instead. */
  readonly isCut: boolean;
}

export interface Exchange {
  readonly faults: Faults;
  readonly forward: Forward;
  /** For what has to be asked on the side. */
  readonly rpc: Rpc;
}

const MALFORMED: Fate = {
  text: JSON.stringify({ jsonrpc: "2.0", id: null, error: { code: -32700, message: "no JSON" } }),
  status: null,
  isCut: false,
};

/** Serves one HTTP body: a call, or a batch of them, of which each may suffer its own fault. */
export async function exchange(context: Exchange, body: string): Promise<Fate> {
  const calls = readCalls(body);
  if (calls === null) return MALFORMED;
  const taken = calls.map(({ call }) => context.faults.take(String(call["method"])));
  if (taken.every((fault) => fault === null)) return carried(await context.forward(body));
  for (const fault of taken) {
    const accident = fault && (await accidentOf(fault));
    if (accident) return accident;
  }
  const answers: string[] = [];
  for (const [i, { text, call }] of calls.entries()) {
    answers.push(await answer(context, { text, call, fault: taken[i] ?? null }));
  }
  const isBatch = body.trimStart().startsWith("[");
  const text = isBatch ? `[${answers.join(",")}]` : answers.join("");
  return { ...carried(text), isCut: taken.some((fault) => fault?.kind === "drop_answer") };
}

/** What befalls the whole request before anything is carried out; null, perhaps after a wait, if nothing does. */
async function accidentOf(fault: Fault): Promise<Fate | null> {
  if (fault.kind === "drop") return { text: "", status: null, isCut: true };
  if (fault.kind === "http_status") return { text: "", status: fault.status, isCut: false };
  if (fault.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.delayMs));
  return null;
}

function carried(text: string): Fate {
  return { text, status: null, isCut: false };
}

interface Call {
  readonly text: string;
  readonly call: Json;
}

function readCalls(body: string): readonly Call[] | null {
  let read: unknown;
  try {
    read = JSON.parse(body);
  } catch {
    return null;
  }
  const list: readonly unknown[] = Array.isArray(read) ? read : [read];
  const isCalls = list.every((call) => typeof call === "object" && call !== null);
  if (!isCalls) return null;
  return list.map((call) => ({ text: JSON.stringify(call), call: call as Json }));
}

async function answer(
  { forward, rpc }: Exchange,
  { text, call, fault }: Call & { readonly fault: Fault | null },
): Promise<string> {
  const told = (rest: Json) => JSON.stringify({ jsonrpc: "2.0", id: call["id"], ...rest });
  if (fault?.kind === "rpc_error") {
    return told({ error: { code: fault.code, message: fault.message } });
  }
  if (fault?.kind === "no_receipt") return told({ result: null });
  if (fault?.kind === "lose_transaction") {
    const [raw] = call["params"] as readonly unknown[];
    return told({ result: await rpc("web3_sha3", [raw]) });
  }
  return forward(text);
}
