/** Speaks to a server in bytes, for requests that no client library would send. */
import { connect } from "node:net";
import { STATUS_CODES } from "node:http";

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Sends the bytes on a new connection and reads one answer. Null: the server closed without one. Rejects
 * when neither comes within the time.
 */
export function askRaw(
  port: number,
  bytes: string | Uint8Array,
  limitMs = 5000,
): Promise<RawAnswer | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no answer to ${JSON.stringify(String(bytes).slice(0, 200))}`));
    }, limitMs);
    const settle = (answer: RawAnswer | null): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    socket.on("connect", () => socket.write(bytes));
    socket.on("data", (part) => {
      received = Buffer.concat([received, part]);
      const answer = parse(received.toString("latin1"));
      if (answer !== null) settle(answer);
    });
    socket.on("error", () => {});
    socket.on("close", () => settle(parse(received.toString("latin1"))));
  });
}

const HEAD = /^HTTP\/1\.1 (\d{3}) ([^\r\n]*)\r\n/;

function parse(text: string): RawAnswer | null {
  const end = text.indexOf("\r\n\r\n");
  const head = HEAD.exec(text);
  if (end < 0 || head === null) return null;
  const lines = text.slice(0, end).split("\r\n").slice(1);
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = Number(headers["content-length"] ?? 0);
  const body = text.slice(end + 4);
  if (body.length < length) return null;
  const status = Number(head[1]);
  if (head[2] !== STATUS_CODES[status]) throw new Error(`a strange status line: ${head[0]}`);
  return { status, headers, body: Buffer.from(body.slice(0, length), "latin1").toString("utf8") };
}
