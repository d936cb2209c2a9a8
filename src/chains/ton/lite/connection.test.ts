import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, connect, type Socket } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { startTonDevnet, type TonDevnet } from "../../../../devnet/ton/index.ts";
import { serveChannel } from "../../../../devnet/ton/lite-server/channel.ts";
import { serverKey } from "../../../../devnet/ton/lite-server/keys.ts";
import type { LiteServerAddress } from "./channel.ts";
import { type LiteConnection, liteConnection, NoAnswer } from "./connection.ts";
import { newestBlock } from "./queries.ts";
import { bytes, int32 } from "./tl.ts";

const TIMEOUT_MS = 5_000;

let devnet: TonDevnet;

beforeAll(async () => {
  devnet = await startTonDevnet({ blockTimeMs: "manual" });
});
afterAll(() => devnet.close());

function address(changes: Partial<LiteServerAddress> = {}): LiteServerAddress {
  const { host, port, publicKey } = devnet.liteServer;
  return { host, port, publicKey: Buffer.from(publicKey, "base64"), ...changes };
}

async function refusal(connection: LiteConnection): Promise<NoAnswer> {
  const thrown: unknown = await newestBlock(connection).catch((error: unknown) => error);
  if (thrown instanceof NoAnswer) return thrown;
  throw new Error(`not refused: ${String(thrown)}`);
}

/** Somebody between client and server, who passes on what the client sends and changes what comes back. */
async function between(change: (data: Buffer, socket: Socket) => Buffer): Promise<number> {
  const proxy = createServer((near) => {
    const far = connect(devnet.liteServer.port, devnet.liteServer.host);
    near.on("error", () => far.destroy()).pipe(far);
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
    far.on("data", (data: Buffer) => near.write(change(data, near)));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  onTestFinished(() => void proxy.close());
  return (proxy.address() as AddressInfo).port;
}

test("many questions at once share a connection, and each gets its own answer", async () => {
  const connection = liteConnection(address(), TIMEOUT_MS);
  const blocks = await Promise.all(Array.from({ length: 30 }, () => newestBlock(connection)));
  for (const { id } of blocks) expect(id.readInt32LE(12)).toBe(devnet.latestBlock());
});

test("a server with another key is not talked to", async () => {
  const { message, isPerhapsDone } = await refusal(
    liteConnection(address({ publicKey: Buffer.alloc(32, 9) }), TIMEOUT_MS),
  );
  expect(message).toBe("it refuses the handshake");
  expect(isPerhapsDone).toBe(false);
});

test("nobody at home: nothing was sent", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  closed.close();
  await once(closed, "close");
  const error = await refusal(liteConnection(address({ port }), TIMEOUT_MS));
  expect(error).toMatchObject({ message: "ECONNREFUSED", isPerhapsDone: false });
});

test("a question that is not answered in time may have been carried out; the next one is asked anew", async () => {
  const connection = liteConnection(address(), 300);
  devnet.liteFaults.plan({ kind: "delay", delayMs: 2_000 });
  const { message, isPerhapsDone } = await refusal(connection);
  expect(message).toBe("nothing came within 300 ms");
  expect(isPerhapsDone).toBe(true);
  expect((await newestBlock(connection)).timeS).toBeGreaterThan(0);
});

test("a connection that is cut is made again for the next question", async () => {
  const connection = liteConnection(address(), TIMEOUT_MS);
  await newestBlock(connection);
  devnet.liteFaults.plan({ kind: "drop" });
  expect(await refusal(connection)).toMatchObject({ message: "the connection was closed" });
  expect((await newestBlock(connection)).timeS).toBeGreaterThan(0);
});

test.each([
  ["one bit is changed", (data: Buffer) => flipped(data, data.length - 1), "a broken packet"],
  ["the length is changed", (data: Buffer) => flipped(data, 3), "a packet of odd size"],
])("when %s on the way, that is no answer, and nothing breaks", async (_, change, message) => {
  let packets = 0;
  // The first one ends the handshake.
  const port = await between((data) => (packets++ === 0 ? data : change(data)));
  const connection = liteConnection(address({ port }), TIMEOUT_MS);
  expect(await refusal(connection)).toMatchObject({ message, isPerhapsDone: true });
});

function flipped(data: Buffer, at: number): Buffer {
  data[at] = (data[at] ?? 0) ^ 0x80;
  return data;
}

test("bytes that come one by one are put together", async () => {
  const port = await between((data, socket) => {
    for (const byte of data.subarray(0, -1)) socket.write(Buffer.from([byte]));
    return data.subarray(-1);
  });
  const { id } = await newestBlock(liteConnection(address({ port }), TIMEOUT_MS));
  expect(id.readInt32LE(12)).toBe(devnet.latestBlock());
});

test("what is no answer to a question is passed over: keepalives, other messages, answers to nobody", async () => {
  const key = serverKey(Buffer.alloc(32, 3));
  const answerTo = (id: Buffer, text: string): Buffer =>
    Buffer.concat([int32(0x0fac8416), id, bytes(Buffer.from(text))]);
  const server = createServer((socket) =>
    serveChannel(socket, {
      key,
      onPayload(payload, channel) {
        channel.send(Buffer.alloc(0));
        channel.send(Buffer.concat([int32(0xdc69fb03), Buffer.alloc(8)]));
        channel.send(answerTo(Buffer.alloc(32), "to nobody"));
        channel.send(answerTo(payload.subarray(4, 36), "to you"));
      },
    }),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { publicKey } = key;
  const connection = liteConnection({ host: "127.0.0.1", port, publicKey }, TIMEOUT_MS);
  for (let times = 0; times < 2; times++)
    expect((await connection.ask(Buffer.alloc(4))).toString()).toBe("to you");
});

test("an idle connection keeps no process alive", async () => {
  const { host, port, publicKey } = devnet.liteServer;
  const script = `
    import { liteConnection } from ${JSON.stringify(new URL("connection.ts", import.meta.url).href)};
    import { newestBlock } from ${JSON.stringify(new URL("queries.ts", import.meta.url).href)};
    const publicKey = Buffer.from("${publicKey}", "base64");
    const connection = liteConnection({ host: "${host}", port: ${port}, publicKey }, 5_000);
    const { timeS } = await newestBlock(connection);
    process.stdout.write(timeS > 0 ? "answered" : "nothing");`;
  const args = ["--input-type=module", "--eval", script];
  // Killed, and so rejected, if it does not end by itself long before the connection does.
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 20_000 });
  expect(stdout).toBe("answered");
});
