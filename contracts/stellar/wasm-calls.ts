/** What each exported function of a contract can ever ask of its host. */
export interface WasmCalls {
  /** Imports (`module.name`) reachable from each exported function, by export name. */
  readonly reachable: ReadonlyMap<string, ReadonlySet<string>>;
  /** Every 64-bit constant in the code, as unsigned: host values such as short symbols are among them. */
  readonly constants: ReadonlySet<bigint>;
}

/**
 * Follows the direct calls in a module's code. Throws on indirect calls and on instructions a contract
 * cannot have (floats, SIMD), so that nothing can escape the graph.
 * Format: https://webassembly.github.io/spec/core/binary/
 */
export function wasmCalls(wasm: Uint8Array): WasmCalls {
  const module = readModule(wasm);
  const imported = module.imports.length;
  const functions = module.bodies.map(readBody);

  function reach(start: number): Set<string> {
    const [found, seen, open] = [new Set<string>(), new Set<number>(), [start]];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      if (seen.has(index)) continue;
      seen.add(index);
      const name = module.imports[index];
      if (name === undefined) open.push(...(functions[index - imported]?.calls ?? []));
      else found.add(name);
    }
    return found;
  }

  return {
    reachable: new Map(module.exports.map(([name, index]) => [name, reach(index)])),
    constants: new Set(functions.flatMap(({ constants }) => constants)),
  };
}

interface WasmModule {
  readonly imports: string[]; // function imports in index order, `module.name`
  readonly exports: [name: string, index: number][]; // functions
  readonly bodies: Uint8Array[];
}

const SECTION = { import: 2, export: 7, start: 8, element: 9, code: 10 } as const;
const KIND_FUNCTION = 0;

function readModule(wasm: Uint8Array): WasmModule {
  const module: WasmModule = { imports: [], exports: [], bodies: [] };
  const reader = readerOf(wasm);
  reader.skip(8); // magic and version
  while (!reader.atEnd()) {
    const id = reader.byte();
    const section = readerOf(reader.bytes(reader.int()));
    if (id === SECTION.start || id === SECTION.element) {
      throw new Error("a contract has no start function and no function table");
    }
    if (id === SECTION.import) readImports(section, module);
    if (id === SECTION.export) readExports(section, module);
    if (id === SECTION.code) {
      for (let n = section.int(); n > 0; n--) module.bodies.push(section.bytes(section.int()));
    }
  }
  return module;
}

function readImports(section: Reader, module: WasmModule): void {
  for (let n = section.int(); n > 0; n--) {
    const name = `${section.text()}.${section.text()}`;
    if (section.byte() !== KIND_FUNCTION) throw new Error(`${name} is not a function`);
    section.int(); // type
    module.imports.push(name);
  }
}

function readExports(section: Reader, module: WasmModule): void {
  for (let n = section.int(); n > 0; n--) {
    const [name, kind, index] = [section.text(), section.byte(), section.int()];
    if (kind === KIND_FUNCTION) module.exports.push([name, index]);
  }
}

const CALL = 0x10;
const I64_CONST = 0x42;
const BR_TABLE = 0x0e;
const PREFIX_FC = 0xfc;

/** Integers that follow an instruction. Everything not listed here is refused. */
const IMMEDIATES: ReadonlyMap<number, number> = new Map([
  ...plain(0x00, 0x01, 0), // unreachable, nop
  ...plain(0x02, 0x04, 1), // block, loop, if: the block type
  ...plain(0x05, 0x05, 0), // else
  ...plain(0x0b, 0x0b, 0), // end
  ...plain(0x0c, 0x0d, 1), // br, br_if
  ...plain(0x0f, 0x0f, 0), // return
  ...plain(0x1a, 0x1b, 0), // drop, select
  ...plain(0x20, 0x24, 1), // local and global access
  ...plain(0x28, 0x29, 2), // i32.load, i64.load: alignment and offset
  ...plain(0x2c, 0x37, 2), // narrow loads, i32.store, i64.store
  ...plain(0x3a, 0x3e, 2), // narrow stores
  ...plain(0x3f, 0x41, 1), // memory.size, memory.grow, i32.const
  ...plain(0x45, 0x5a, 0), // integer comparisons
  ...plain(0x67, 0x8a, 0), // integer arithmetic
  ...plain(0xa7, 0xa7, 0), // i32.wrap_i64
  ...plain(0xac, 0xad, 0), // i64.extend_i32
  ...plain(0xc0, 0xc4, 0), // sign extension
]);

/** memory.copy names two memories, memory.fill one. */
const BULK_IMMEDIATES: ReadonlyMap<number, number> = new Map([
  [10, 2],
  [11, 1],
]);

function plain(from: number, to: number, immediates: number): [number, number][] {
  return Array.from({ length: to - from + 1 }, (_, i) => [from + i, immediates]);
}

interface Body {
  readonly calls: number[];
  readonly constants: bigint[];
}

function readBody(body: Uint8Array): Body {
  const reader = readerOf(body);
  for (let n = reader.int(); n > 0; n--) {
    reader.int(); // how many locals
    reader.byte(); // of which type
  }
  const read: Body = { calls: [], constants: [] };
  while (!reader.atEnd()) {
    const opcode = reader.byte();
    if (opcode === CALL) read.calls.push(reader.int());
    else if (opcode === I64_CONST) read.constants.push(reader.long());
    else skipImmediates(reader, opcode);
  }
  return read;
}

function skipImmediates(reader: Reader, opcode: number): void {
  let count = IMMEDIATES.get(opcode);
  if (opcode === BR_TABLE) count = reader.int() + 1;
  if (opcode === PREFIX_FC) count = BULK_IMMEDIATES.get(reader.int());
  if (count === undefined) throw new Error(`unexpected instruction 0x${opcode.toString(16)}`);
  for (; count > 0; count--) reader.skipInt();
}

interface Reader {
  atEnd(): boolean;
  byte(): number;
  bytes(length: number): Uint8Array;
  skip(length: number): void;
  /** An unsigned LEB128 number of at most 32 bits. */
  int(): number;
  /** A signed LEB128 number of at most 64 bits, as its unsigned bit pattern. */
  long(): bigint;
  /** Any LEB128 number. */
  skipInt(): void;
  text(): string;
}

function readerOf(bytes: Uint8Array): Reader {
  let at = 0;
  const reader: Reader = {
    atEnd: () => at >= bytes.length,
    byte() {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error("the module ends in the middle");
      return byte;
    },
    bytes: (length) => bytes.subarray(at, (at += length)),
    skip: (length) => void (at += length),
    int() {
      let [value, scale, byte] = [0, 1, 0];
      do {
        byte = reader.byte();
        value += (byte & 0x7f) * scale;
        scale *= 128;
      } while (byte >= 0x80);
      return value;
    },
    long() {
      let [value, shift, byte] = [0n, 0n, 0];
      do {
        byte = reader.byte();
        value |= BigInt(byte & 0x7f) << shift;
        shift += 7n;
      } while (byte >= 0x80);
      return BigInt.asUintN(64, byte & 0x40 ? value - (1n << shift) : value);
    },
    skipInt: () => {
      while (reader.byte() >= 0x80);
    },
    text: () => new TextDecoder().decode(reader.bytes(reader.int())),
  };
  return reader;
}
