import { type Cell, CellType } from "@ton/core";

const MAGIC = 0xb5ee9c72;

/** A bag with several roots, in their order; cells that they share are in it once. @ton/core writes one root only. */
export function writeBag(roots: readonly Cell[]): Buffer {
  const cells = inOrder(roots);
  const places = new Map(cells.map((cell, index) => [keyOf(cell), index]));
  const placeBytes = bytesFor(cells.length);
  const place = (cell: Cell): Buffer => unsigned(places.get(keyOf(cell)) ?? 0, placeBytes);
  const data = cells.map((cell) => Buffer.concat([contentOf(cell), ...cell.refs.map(place)]));
  const size = data.reduce((sum, { length }) => sum + length, 0);
  const sizeBytes = bytesFor(size);
  return Buffer.concat([
    unsigned(MAGIC, 4),
    // Neither an index nor a checksum.
    Buffer.from([placeBytes, sizeBytes]),
    ...[cells.length, roots.length, 0].map((count) => unsigned(count, placeBytes)),
    unsigned(size, sizeBytes),
    ...roots.map(place),
    ...data,
  ]);
}

/** Every cell before those that it refers to. */
function inOrder(roots: readonly Cell[]): readonly Cell[] {
  const seen = new Set<string>();
  const deepestFirst: Cell[] = [];
  const visit = (cell: Cell): void => {
    const key = keyOf(cell);
    if (seen.has(key)) return;
    seen.add(key);
    cell.refs.forEach(visit);
    deepestFirst.push(cell);
  };
  roots.forEach(visit);
  return deepestFirst.toReversed();
}

function keyOf(cell: Cell): string {
  return cell.hash().toString("hex");
}

/** Two bytes that describe it, then its bits, filled up with a one and zeros. */
function contentOf({ bits, refs, type, mask }: Cell): Buffer {
  const exotic = type === CellType.Ordinary ? 0 : 8;
  const whole = Math.floor(bits.length / 8);
  const content = Buffer.alloc(Math.ceil(bits.length / 8));
  for (let i = 0; i < bits.length; i += 1) {
    if (bits.at(i)) content[i >> 3] = (content[i >> 3] ?? 0) | (128 >> (i & 7));
  }
  if (bits.length % 8 > 0) content[whole] = (content[whole] ?? 0) | (128 >> (bits.length % 8));
  const head = [refs.length + exotic + 32 * mask.value, whole + content.length];
  return Buffer.concat([Buffer.from(head), content]);
}

function bytesFor(value: number): number {
  return Math.max(1, Math.ceil(Math.log2(value + 1) / 8));
}

function unsigned(value: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  buffer.writeUIntBE(value, 0, length);
  return buffer;
}
