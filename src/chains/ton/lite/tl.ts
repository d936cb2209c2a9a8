/** Values in TON's binary TL, as far as LiteServers use it: little endian, everything in steps of four bytes. */

export function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32LE(value | 0);
  return buffer;
}

export function int64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64LE(BigInt.asIntN(64, value));
  return buffer;
}

/** Lengths from here on are told in three more bytes. */
const LONG = 254;

/** Bytes with their length in front, filled up with zeros. */
export function bytes(value: Uint8Array): Buffer {
  const { length } = value;
  const head = length < LONG ? [length] : [LONG, length & 255, (length >> 8) & 255, length >> 16];
  const rest = (4 - ((head.length + length) % 4)) % 4;
  return Buffer.concat([Buffer.from(head), value, Buffer.alloc(rest)]);
}

/** Reads one value after the other. Every method throws a RangeError where there are not enough bytes. */
export interface TlReader {
  int32(): number;
  uint32(): number;
  int64(): bigint;
  /** Of fixed length. */
  raw(length: number): Buffer;
  bytes(): Buffer;
}

export function readTl(source: Buffer): TlReader {
  let offset = 0;
  const raw = (length: number): Buffer => {
    if (offset + length > source.length) throw new RangeError("the answer ends too early");
    offset += length;
    return source.subarray(offset - length, offset);
  };
  return {
    int32: () => raw(4).readInt32LE(),
    uint32: () => raw(4).readUInt32LE(),
    int64: () => raw(8).readBigInt64LE(),
    raw,
    bytes() {
      const start = offset;
      const short = raw(1).readUInt8();
      const value = raw(short < LONG ? short : raw(3).readUIntLE(0, 3));
      raw((4 - ((offset - start) % 4)) % 4);
      return value;
    },
  };
}
