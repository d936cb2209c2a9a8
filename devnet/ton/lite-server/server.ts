import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { ApiError } from "../api-error.ts";
import type { TonChain } from "../chain.ts";
import type { Block } from "../ledger.ts";
import { type Channel, serveChannel } from "./channel.ts";
import type { LiteFault, LiteFaults } from "./faults.ts";
import { serverKey } from "./keys.ts";
import { queryOf, readWait, taken, type View } from "./queries.ts";
import { bytes, int32, readTl } from "./tl.ts";

/** Where clients find the lite server. */
export interface LiteServer {
  readonly host: string;
  readonly port: number;
  /** ed25519, base64: `id.key` of a network's configuration. The same at every start. */
  readonly publicKey: string;
}

export interface LiteServerOptions {
  /** 0 takes a free port. */
  readonly port: number;
  readonly hostname: string;
  readonly chain: TonChain;
  readonly faults: LiteFaults;
}

const TL = {
  ping: 0x4d082b9a,
  pong: 0xdc69fb03,
  query: 0xb48bf97a,
  answer: 0x0fac8416,
  liteQuery: 0x798c06df,
  error: 0xbba9e148,
} as const;

const MAX_CONNECTIONS = 256;
/** Of one connection, that are not answered yet. */
const MAX_WAITING = 64;
const MAX_WAIT_MS = 60_000;
const LOOK_EVERY_MS = 20;

/** Everybody may know it: it only tells this server from others. */
const KEY = serverKey(createHash("sha256").update("vend402 devnet lite server").digest());

/** A lite server over ADNL, as nodes have, on the local chain. */
export async function startLiteServer(
  options: LiteServerOptions,
): Promise<LiteServer & { close(): Promise<void> }> {
  const { chain, faults, hostname } = options;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    let waiting = 0;
    const onPayload = (payload: Buffer, channel: Channel): void => {
      waiting += 1;
      if (waiting > MAX_WAITING) channel.close();
      void answerPayload({ chain, faults }, payload, channel)
        .catch(() => channel.close())
        .finally(() => {
          waiting -= 1;
        });
    };
    serveChannel(socket, { key: KEY, onPayload });
  });
  server.maxConnections = MAX_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, hostname, resolve);
  });
  return {
    host: hostname === "0.0.0.0" || hostname === "::" ? "127.0.0.1" : hostname,
    port: (server.address() as AddressInfo).port,
    publicKey: KEY.publicKey.toString("base64"),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

type Deps = Pick<LiteServerOptions, "chain" | "faults">;

/** @throws for what is no message of ADNL */
async function answerPayload(deps: Deps, payload: Buffer, channel: Channel): Promise<void> {
  const given = readTl(payload);
  const type = given.uint32();
  if (type === TL.ping) {
    channel.send(Buffer.concat([int32(TL.pong), given.rest().subarray(0, 8)]));
    return;
  }
  if (type !== TL.query) throw new Error("no query");
  const id = given.int256();
  const query = readTl(given.bytes());
  if (query.uint32() !== TL.liteQuery) throw new Error("no query for a lite server");
  const answer = await answerQuery(deps, query.bytes());
  if (answer === null) channel.close();
  else channel.send(Buffer.concat([int32(TL.answer), id, bytes(answer)]));
}

/** Null: the connection is cut instead. */
async function answerQuery(deps: Deps, data: Buffer): Promise<Buffer | null> {
  const { chain, faults } = deps;
  try {
    const wait = readWait(data);
    if (wait !== null) await waitFor(chain, wait);
    const given = readTl(wait?.query ?? data);
    const query = queryOf(given.uint32());
    if (query === null) throw new ApiError(404, "unknown query");
    const fault = faults.take(query.name);
    return await answerWith(fault, () => {
      const answering = (): Promise<Buffer> => query.answer(viewOf(chain, fault), given);
      return query.isSending === true ? answering() : chain.read(answering);
    });
  } catch (error) {
    return refusal(error);
  }
}

/** What the fault makes of an answer. */
async function answerWith(
  fault: LiteFault | null,
  truly: () => Promise<Buffer>,
): Promise<Buffer | null> {
  switch (fault?.kind) {
    case "drop":
      return null;
    case "drop_answer":
      await truly();
      return null;
    case "lite_error":
      return errorOf(fault.code, fault.message);
    case "lose_message":
      return taken();
    case "delay":
      await new Promise((done) => setTimeout(done, fault.delayMs));
      return truly();
    default:
      return truly();
  }
}

function viewOf(chain: TonChain, fault: LiteFault | null): View {
  const { ledger } = chain;
  const latest = (): Block => {
    const newest = ledger.latest();
    return fault?.kind === "behind"
      ? (ledger.block(Math.max(1, newest.seqno - fault.blocks)) ?? newest)
      : newest;
  };
  return { chain, latest };
}

async function waitFor(
  chain: TonChain,
  { seqno, timeoutMs }: { readonly seqno: number; readonly timeoutMs: number },
): Promise<void> {
  const end = performance.now() + Math.min(timeoutMs, MAX_WAIT_MS);
  const isThere = async (): Promise<boolean> => chain.ledger.latest().seqno >= seqno;
  while (!(await chain.read(isThere))) {
    if (performance.now() >= end) throw new ApiError(500, "LITE_SERVER_TIMEOUT: timeout");
    await new Promise((done) => setTimeout(done, LOOK_EVERY_MS));
  }
}

/** The lite server's own codes, by the words that toncenter puts in front of its errors. */
const CODES: Readonly<Record<string, number>> = { NOTREADY: 651, TIMEOUT: 652 };
const UNKNOWN = 0;
const BAD_QUERY = 621;

function refusal(error: unknown): Buffer {
  if (!(error instanceof ApiError)) return errorOf(BAD_QUERY, "cannot parse the query");
  const [, word = "", message = error.message] =
    /^LITE_SERVER_(\w+): ([^]*)$/.exec(error.message) ?? [];
  return errorOf(CODES[word] ?? UNKNOWN, message);
}

function errorOf(code: number, message: string): Buffer {
  return Buffer.concat([int32(TL.error), int32(code), bytes(Buffer.from(message))]);
}
