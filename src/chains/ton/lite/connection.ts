import { randomBytes } from "node:crypto";
import { type Channel, type LiteServerAddress, openChannel } from "./channel.ts";
import { bytes, int32, readTl } from "./tl.ts";

/** Nothing came back. */
export class NoAnswer extends Error {
  /** The question may have arrived. */
  readonly isPerhapsDone: boolean;
  constructor(reason: string, isPerhapsDone: boolean) {
    super(reason);
    this.isPerhapsDone = isPerhapsDone;
  }
}

/** Asks one LiteServer. Connects for the first question; an idle connection is closed, and keeps no process alive. */
export interface LiteConnection {
  /** The answer's bytes. @throws NoAnswer */
  ask(question: Buffer): Promise<Buffer>;
}

/** Opens no connection. @param timeoutMs Longest wait for an answer, with the connection's making. */
export function liteConnection(address: LiteServerAddress, timeoutMs: number): LiteConnection {
  let line: Line | null = null;
  return {
    ask(question) {
      line ??= openLine(address, () => {
        line = null;
      });
      return line.ask(question, timeoutMs);
    },
  };
}

const ADNL_QUERY = 0xb48bf97a;
const ADNL_ANSWER = 0x0fac8416;
const LITE_QUERY = 0x798c06df;

/** The questions of one connection. */
interface Line {
  ask(question: Buffer, timeoutMs: number): Promise<Buffer>;
}

interface Waiting {
  readonly payload: Buffer;
  isSent: boolean;
  readonly resolve: (answer: Buffer) => void;
  readonly reject: (error: NoAnswer) => void;
  readonly timer: NodeJS.Timeout;
}

function openLine(address: LiteServerAddress, onEnd: () => void): Line {
  const waiting = new Map<string, Waiting>();
  let isReady = false;

  const send = (one: Waiting): void => {
    one.isSent = true;
    channel.send(one.payload);
  };
  /** Its question waits no more. */
  const take = (id: string): Waiting | null => {
    const one = waiting.get(id) ?? null;
    waiting.delete(id);
    clearTimeout(one?.timer);
    if (waiting.size === 0) channel.hold(false);
    return one;
  };
  const channel: Channel = openChannel(address, {
    onReady() {
      isReady = true;
      waiting.forEach(send);
    },
    onPayload(payload) {
      const message = readTl(payload);
      if (message.uint32() !== ADNL_ANSWER) return;
      const id = message.raw(32).toString("hex");
      const answer = message.bytes();
      take(id)?.resolve(answer);
    },
    onEnd(reason) {
      onEnd();
      for (const id of waiting.keys()) {
        const one = take(id);
        one?.reject(new NoAnswer(reason, one.isSent));
      }
    },
  });

  return {
    ask: (question, timeoutMs) =>
      new Promise((resolve, reject) => {
        const id = randomBytes(32);
        const query = bytes(Buffer.concat([int32(LITE_QUERY), bytes(question)]));
        const payload = Buffer.concat([int32(ADNL_QUERY), id, query]);
        // A connection on which one answer fails to come may be dead without knowing it.
        const late = (): void => channel.close(`nothing came within ${timeoutMs} ms`);
        const timer = setTimeout(late, timeoutMs);
        const one: Waiting = { payload, isSent: false, resolve, reject, timer };
        waiting.set(id.toString("hex"), one);
        channel.hold(true);
        if (isReady) send(one);
      }),
  };
}
