import { createHash, randomBytes } from "node:crypto";

/** A random number and a checksum around the payload. */
const FRAME_BYTES = 64;
/** As nodes have it; nobody may fill our memory. */
const MAX_PACKET_BYTES = 1 << 24;

export function writePacket(payload: Buffer): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(payload.length + FRAME_BYTES);
  const content = Buffer.concat([randomBytes(32), payload]);
  return Buffer.concat([size, content, sha256(content)]);
}

/** Puts packets together out of what arrives. */
export interface PacketReader {
  /** The payloads that are whole by now. @throws if the bytes are no packets */
  take(data: Buffer): readonly Buffer[];
}

export function readPackets(): PacketReader {
  let parts: Buffer[] = [];
  let length = 0;
  let wanted = 4;
  return {
    take(data) {
      parts.push(data);
      length += data.length;
      const payloads: Buffer[] = [];
      while (length >= wanted) {
        const whole = Buffer.concat(parts);
        const size = sizeOf(whole);
        if (whole.length >= 4 + size) payloads.push(payloadOf(whole.subarray(4, 4 + size)));
        const rest = whole.length >= 4 + size ? whole.subarray(4 + size) : whole;
        parts = [rest];
        ({ length } = rest);
        wanted = length >= 4 ? 4 + sizeOf(rest) : 4;
      }
      return payloads;
    },
  };
}

function sizeOf(data: Buffer): number {
  const size = data.readUInt32LE();
  if (size < FRAME_BYTES || size > MAX_PACKET_BYTES) throw new RangeError("a packet of odd size");
  return size;
}

function payloadOf(packet: Buffer): Buffer {
  const content = packet.subarray(0, -32);
  if (!sha256(content).equals(packet.subarray(-32))) throw new Error("a broken packet");
  return content.subarray(32);
}

function sha256(data: Buffer): Buffer {
  return createHash("sha256").update(data).digest();
}
