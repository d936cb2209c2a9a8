import { closeSync, existsSync, openSync, readSync } from "node:fs";

export interface Line {
  readonly text: string;
  /** Offset behind the line's end. */
  readonly end: number;
}

const CHUNK_BYTES = 1024 * 1024;

/** The whole lines of a file, which may be too long for one string. No file, no lines. */
export function* readLines(path: string): Iterable<Line> {
  if (!existsSync(path)) return;
  const file = openSync(path, "r");
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest: Buffer[] = [];
    let end = 0;
    for (;;) {
      const size = readSync(file, chunk, 0, CHUNK_BYTES, null);
      if (size === 0) return;
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0 && at < size; at = chunk.indexOf(10, from)) {
        const line = Buffer.concat([...rest, chunk.subarray(from, at)]);
        rest = [];
        end += line.length + 1;
        from = at + 1;
        yield { text: line.toString("utf8"), end };
      }
      rest.push(Buffer.from(chunk.subarray(from, size)));
    }
  } finally {
    closeSync(file);
  }
}
