import { existsSync, readFileSync } from "node:fs";

/** The WebAssembly module broke down in the middle of a call; `cause` is the trap. */
export class SorobanHostTrap extends Error {
  override readonly name = "SorobanHostTrap";
}

/** One instance of the module. After a trap it only says so. */
export interface HostModule {
  /** Sends `request` as JSON and returns the answer; throws when the host refuses it or traps. */
  run(op: number, request: unknown): unknown;
  trapped(): boolean;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly alloc: (len: number) => number;
  readonly free: (ptr: number, len: number) => void;
  readonly run: (op: number, ptr: number, len: number) => bigint;
  readonly last_panic: () => bigint;
}

type Answer = { readonly answer: unknown } | { readonly refused: string };

let packaged: WebAssembly.Module | null = null;

/** Compiles the module once and returns what makes instances of it. */
export function openModule(wasm?: Uint8Array): () => HostModule {
  const module = wasm === undefined ? (packaged ??= compile(readPackaged())) : compile(wasm);
  return () => instantiate(module);
}

function compile(wasm: Uint8Array): WebAssembly.Module {
  return new WebAssembly.Module(new Uint8Array(wasm));
}

/** The artefact stays among the sources; compiled JavaScript lies two folders deeper, in dist. */
function readPackaged(): Uint8Array {
  const places = ["./host/soroban-host.wasm", "../../stellar/host/soroban-host.wasm"];
  const urls = places.map((place) => new URL(place, import.meta.url));
  const found = urls.find((url) => existsSync(url));
  if (found === undefined) throw new Error(`soroban-host.wasm is missing: ${urls.join(", ")}`);
  return readFileSync(found);
}

function instantiate(module: WebAssembly.Module): HostModule {
  const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  let hasTrapped = false;

  /** The buffer is asked for on every access: it is another one after the memory grew. */
  function bytesAt(packed: bigint): Uint8Array {
    const [ptr, len] = unpack(packed);
    return new Uint8Array(exports.memory.buffer, ptr, len);
  }

  function exchange(op: number, request: Uint8Array): string {
    const ptr = exports.alloc(request.length);
    new Uint8Array(exports.memory.buffer, ptr, request.length).set(request);
    const packed = exports.run(op, ptr, request.length);
    const text = new TextDecoder().decode(bytesAt(packed));
    exports.free(ptr, request.length);
    exports.free(...unpack(packed));
    return text;
  }

  function trapped(cause: unknown): SorobanHostTrap {
    hasTrapped = true;
    const panic = new TextDecoder().decode(bytesAt(exports.last_panic()));
    return new SorobanHostTrap(`the Soroban host trapped: ${panic || String(cause)}`, { cause });
  }

  return {
    run(op, request) {
      const bytes = new TextEncoder().encode(JSON.stringify(request));
      let text: string;
      try {
        text = exchange(op, bytes);
      } catch (error) {
        throw trapped(error);
      }
      const answer = JSON.parse(text) as Answer;
      if ("refused" in answer) throw new Error(`the Soroban host refused: ${answer.refused}`);
      return answer.answer;
    },
    trapped: () => hasTrapped,
  };
}

function unpack(packed: bigint): [ptr: number, len: number] {
  const bits = BigInt.asUintN(64, packed);
  return [Number(bits >> 32n), Number(bits & 0xffff_ffffn)];
}
