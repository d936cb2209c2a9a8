import type { IncomingMessage } from "node:http";
import { Address } from "@ton/core";
import { type HttpAnswer, readBody } from "../stellar/rpc/http.ts";
import { type Faults, readFault } from "./faults.ts";
import type { JettonLock } from "./jetton.ts";
import type { Pruning } from "./ledger.ts";
import { type LiteFaults, readLiteFault } from "./lite-server/faults.ts";

/** What tests may do to the chain. */
export interface Controls {
  readonly faults: Faults;
  /** Of the lite server. */
  readonly liteFaults: LiteFaults;
  /** Of the test USDT, 6 decimals. */
  readonly minter: Address;
  /** Closes this many blocks. @default 1 */
  closeBlocks(count?: number): Promise<void>;
  /** Moves the clock; the next block shows it. */
  advanceTime(seconds: number): void;
  /** Gives in a block of its own, at once; what waits goes on waiting. */
  fund(owner: Address, gift: Gift): Promise<void>;
  /** The issuer locks the jetton wallet of an owner, or unlocks it; a wallet that is not there is made. */
  lock(owner: Address, lock: JettonLock): Promise<void>;
  /** Servers forget transactions; archives only when it is for good. */
  pruneHistory(pruning?: Pruning): void;
  latestBlock(): number;
  /** Messages that wait for a block. */
  waiting(): number;
}

/** In base units: nanotons, and 6 decimals for the jetton. */
export interface Gift {
  readonly ton?: bigint;
  readonly jetton?: bigint;
}

type Body = Readonly<Record<string, unknown>>;
type Command = (controls: Controls, body: Body) => Promise<void>;

const LOCKS: readonly unknown[] = ["none", "sending", "receiving", "both"] satisfies JettonLock[];

const COMMANDS: Readonly<Record<string, Command>> = {
  "GET /__devnet": async () => {},
  "POST /__devnet/blocks": async (controls, body) => {
    const seconds = count(body, "advanceSeconds", 0);
    if (seconds > 0) controls.advanceTime(seconds);
    await controls.closeBlocks(count(body, "count", 1));
  },
  "POST /__devnet/fund": (controls, body) =>
    controls.fund(addressOf(body), {
      ...(body["ton"] !== undefined && { ton: atomic(body, "ton") }),
      ...(body["jetton"] !== undefined && { jetton: atomic(body, "jetton") }),
    }),
  "POST /__devnet/lock": (controls, body) => {
    const { lock } = body;
    if (!LOCKS.includes(lock)) throw new Error(`lock must be one of ${LOCKS.join(", ")}`);
    return controls.lock(addressOf(body), lock as JettonLock);
  },
  "POST /__devnet/history": async (controls, body) => {
    controls.pruneHistory({
      isForGood: body["isForGood"] === true,
      ...(body["beforeLt"] !== undefined && { beforeLt: atomic(body, "beforeLt") }),
    });
  },
  "POST /__devnet/faults": async ({ faults, liteFaults }, body) => {
    const { method, times, server } = body;
    const options = {
      times: times === "always" ? Number.POSITIVE_INFINITY : count(body, "times", 1),
      ...(typeof method === "string" && { method }),
    };
    if (server === "lite") liteFaults.plan(readLiteFault(body["fault"]), options);
    else faults.plan(readFault(body["fault"]), options);
  },
  "DELETE /__devnet/faults": async ({ faults, liteFaults }) => {
    faults.clear();
    liteFaults.clear();
  },
};

/** Only for programs on this machine: not for other hosts, and not for pages in a browser. */
export async function answerControl(
  controls: Controls,
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
    await command(controls, (text ? JSON.parse(text) : {}) as Body);
    const faults = [
      ...controls.faults.planned(),
      ...controls.liteFaults.planned().map((rule) => ({ ...rule, server: "lite" })),
    ].map((rule) => ({ ...rule, times: Number.isFinite(rule.times) ? rule.times : "always" }));
    const minter = controls.minter.toRawString();
    const [latestBlock, waiting] = [controls.latestBlock(), controls.waiting()];
    return { status: 200, body: { minter, latestBlock, waiting, faults } };
  } catch (error) {
    return { status: 400, body: { error: String(error) } };
  }
}

function addressOf({ address }: Body): Address {
  try {
    return Address.parse(String(address));
  } catch {
    throw new Error(`no address: ${String(address)}`);
  }
}

function count(body: Body, name: string, fallback: number): number {
  const value = body[name] ?? fallback;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} must be a non-negative integer`);
}

/** Written as text: JSON numbers are too small. */
function atomic(body: Body, name: string): bigint {
  const value = body[name];
  if (typeof value === "string" && /^\d+$/.test(value)) return BigInt(value);
  throw new Error(`${name} must be base units as text, like "1000000"`);
}
