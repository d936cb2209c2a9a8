import type { IncomingMessage } from "node:http";
import { type HttpAnswer, readBody } from "../stellar/rpc/http.ts";
import { type Faults, readFault } from "./faults.ts";
import { type Address, isAddress } from "./hex.ts";

/** What tests may do to the chain. */
export interface Controls {
  readonly faults: Faults;
  /** Closes this many blocks, the first one with what waits. @default 1 */
  mine(count?: number): Promise<void>;
  /** Moves the clock; the next block shows it. */
  advanceTime(seconds: number): Promise<void>;
  reorg(depth: number): Promise<void>;
  /** Adds to balances at once, without a block or an event. A reorg takes it back if it goes further back. */
  fund(address: Address, gift: Gift): Promise<void>;
  latestBlock(): Promise<number>;
}

/** Amounts in base units: 6 decimals for the tokens, 18 for the chain's own coin. */
export interface Gift {
  readonly usdc?: bigint;
  readonly usdt?: bigint;
  readonly native?: bigint;
}

type Body = Readonly<Record<string, unknown>>;
type Command = (controls: Controls, body: Body) => Promise<void>;

const COMMANDS: Readonly<Record<string, Command>> = {
  "GET /__devnet": async () => {},
  "POST /__devnet/blocks": async (controls, body) => {
    const seconds = count(body, "advanceSeconds", 0);
    if (seconds > 0) await controls.advanceTime(seconds);
    await controls.mine(count(body, "count", 1));
  },
  "POST /__devnet/reorg": (controls, body) => controls.reorg(count(body, "depth", 1)),
  "POST /__devnet/fund": (controls, body) => {
    const { address } = body;
    if (typeof address !== "string" || !isAddress(address)) throw new Error("no address 0x...");
    const gift = ["usdc", "usdt", "native"].flatMap((asset) =>
      body[asset] === undefined ? [] : [[asset, atomic(body, asset)]],
    );
    return controls.fund(address, Object.fromEntries(gift) as Gift);
  },
  "POST /__devnet/faults": async ({ faults }, body) => {
    const { method, times } = body;
    faults.plan(readFault(body["fault"]), {
      times: times === "always" ? Number.POSITIVE_INFINITY : count(body, "times", 1),
      ...(typeof method === "string" && { method }),
    });
  },
  "DELETE /__devnet/faults": async ({ faults }) => faults.clear(),
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
    const faults = controls.faults
      .planned()
      .map((rule) => ({ ...rule, times: Number.isFinite(rule.times) ? rule.times : "always" }));
    return { status: 200, body: { latestBlock: await controls.latestBlock(), faults } };
  } catch (error) {
    return { status: 400, body: { error: String(error) } };
  }
}

function count(body: Body, name: string, fallback: number): number {
  const value = body[name] ?? fallback;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${name} must be a non-negative integer`);
}

/** Base units, written as text: JSON numbers are too small for them. */
function atomic(body: Body, name: string): bigint {
  const value = body[name];
  if (typeof value === "string" && /^\d+$/.test(value)) return BigInt(value);
  throw new Error(`${name} must be base units as text, like "1000000"`);
}
