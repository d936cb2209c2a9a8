import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { ServerKey } from "./keys.ts";

/** The server's end of an ADNL connection over TCP: packets, encrypted both ways. */
export interface Channel {
  send(payload: Buffer): void;
  close(): void;
}

export interface ChannelOptions {
  readonly key: ServerKey;
  /** Of packets from the client. */
  readonly onPayload: (payload: Buffer, channel: Channel) => void;
}

/** 32 bytes for whom it is, 32 the client's key, 32 a checksum, 160 what the streams are encrypted with. */
const HANDSHAKE_BYTES = 256;
/** A number and a checksum around the payload. */
const FRAME_BYTES = 64;
/** Far more than any question of a client takes. */
const MAX_PACKET_BYTES = 1 << 20;
const HANDSHAKE_TIMEOUT_MS = 5_000;
const IDLE_TIMEOUT_MS = 600_000;

/** Serves a connection. Whatever a stranger sends, it is answered or the connection is cut. */
export function serveChannel(socket: Socket, options: ChannelOptions): void {
  let waiting: Buffer = Buffer.alloc(0);
  let streams: Streams | null = null;
  const channel: Channel = {
    send(payload) {
      if (streams !== null && socket.writable) socket.write(streams.encrypt(packetOf(payload)));
    },
    close: () => socket.destroy(),
  };

  const take = (data: Buffer): void => {
    if (streams !== null) {
      waiting = Buffer.concat([waiting, streams.decrypt(data)]);
    } else {
      waiting = Buffer.concat([waiting, data]);
      if (waiting.length < HANDSHAKE_BYTES) return;
      streams = shakeHands(waiting.subarray(0, HANDSHAKE_BYTES), options.key);
      waiting = streams.decrypt(waiting.subarray(HANDSHAKE_BYTES));
      socket.setTimeout(IDLE_TIMEOUT_MS);
      // An empty packet tells the client that it was understood.
      channel.send(Buffer.alloc(0));
    }
    for (let packet = firstPacket(waiting); packet !== null; packet = firstPacket(waiting)) {
      waiting = waiting.subarray(packet.bytes);
      // Empty ones keep the connection alive.
      if (packet.payload.length > 0) options.onPayload(packet.payload, channel);
    }
  };

  socket.setTimeout(HANDSHAKE_TIMEOUT_MS, () => socket.destroy());
  // Nobody is told of a connection that broke.
  socket.on("error", () => socket.destroy());
  socket.on("data", (data: Buffer) => {
    try {
      take(data);
    } catch {
      socket.destroy();
    }
  });
}

interface Streams {
  encrypt(data: Buffer): Buffer;
  decrypt(data: Buffer): Buffer;
}

/** @throws if it is meant for somebody else, or does not hang together */
function shakeHands(handshake: Buffer, key: ServerKey): Streams {
  const [whom, clientKey, hash] = [0, 32, 64].map((from) => handshake.subarray(from, from + 32));
  if (!whom || !clientKey || !hash?.length || !whom.equals(key.id)) throw new Error("not for us");
  const secret = key.sharedSecret(clientKey);
  const parametersKey = Buffer.concat([secret.subarray(0, 16), hash.subarray(16)]);
  const parametersStart = Buffer.concat([hash.subarray(0, 4), secret.subarray(20)]);
  const parameters = createDecipheriv("aes-256-ctr", parametersKey, parametersStart).update(
    handshake.subarray(96),
  );
  if (!sha256(parameters).equals(hash)) throw new Error("a broken handshake");
  const part = (from: number, to: number): Buffer => parameters.subarray(from, to);
  const outgoing = createCipheriv("aes-256-ctr", part(0, 32), part(64, 80));
  const incoming = createDecipheriv("aes-256-ctr", part(32, 64), part(80, 96));
  return {
    encrypt: (data) => outgoing.update(data),
    decrypt: (data) => incoming.update(data),
  };
}

function packetOf(payload: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(payload.length + FRAME_BYTES);
  const content = Buffer.concat([randomBytes(32), payload]);
  return Buffer.concat([size, content, sha256(content)]);
}

/** Null while it has not arrived whole. @throws if it is too large, or its checksum is wrong */
function firstPacket(data: Buffer): { readonly payload: Buffer; readonly bytes: number } | null {
  if (data.length < 4) return null;
  const size = data.readUInt32LE();
  if (size < FRAME_BYTES || size > MAX_PACKET_BYTES) throw new Error("no packet has that size");
  if (data.length < 4 + size) return null;
  const content = data.subarray(4, 4 + size - 32);
  if (!sha256(content).equals(data.subarray(4 + size - 32, 4 + size))) throw new Error("broken");
  return { payload: content.subarray(32), bytes: 4 + size };
}

function sha256(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}
