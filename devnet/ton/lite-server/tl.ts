/** Values in TON's binary TL, as far as lite servers use it: little endian, everything in steps of four bytes. */

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

/** From this length on, it is told in three bytes more. */
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
  /** What TL calls `#`: flags and counts. */
  uint32(): number;
  int64(): bigint;
  int256(): Buffer;
  bytes(): Buffer;
  /** All that is left. */
  rest(): Buffer;
}

export function readTl(source: Buffer): TlReader {
  let offset = 0;
  const take = (length: number): Buffer => {
    if (offset + length > source.length) throw new RangeError("not enough bytes");
    offset += length;
    return source.subarray(offset - length, offset);
  };
  return {
    int32: () => take(4).readInt32LE(),
    uint32: () => take(4).readUInt32LE(),
    int64: () => take(8).readBigInt64LE(),
    int256: () => take(32),
    bytes() {
      const start = offset;
      const short = take(1).readUInt8();
      const value = take(short < LONG ? short : take(3).readUIntLE(0, 3));
      take((4 - ((offset - start) % 4)) % 4);
      return value;
    },
    rest: () => take(source.length - offset),
  };
}
