/** `npm run bench [-- name …] [-- --json] [-- --seconds N] [-- --small]`: every benchmark, or those named. */
import { parseArgs } from "node:util";
import { intake } from "./intake.ts";
import { overhead } from "./overhead.ts";
import { replay } from "./replay.ts";
import { jsonLine, tableLines, type Row } from "./report.ts";
import { store } from "./store.ts";
import { stream } from "./stream.ts";
import { ton } from "./ton.ts";
import { watch } from "./watch.ts";
import { x402 } from "./x402.ts";

/** How much a benchmark does. */
export interface Size {
  /** Of each measured round. */
  readonly seconds: number;
  /** Only shows that the benchmark works; its numbers mean nothing. */
  readonly isSmall: boolean;
}

const BENCHES: Readonly<Record<string, (size: Size) => AsyncIterable<Row>>> = {
  intake,
  stream,
  watch,
  overhead,
  replay,
  store,
  x402,
  ton,
};

const { values, positionals } = parseArgs({
  options: {
    json: { type: "boolean" },
    small: { type: "boolean" },
    seconds: { type: "string", default: "5" },
  },
  allowPositionals: true,
});
const names = positionals.length === 0 ? Object.keys(BENCHES) : positionals;
const strangers = names.filter((name) => !Object.hasOwn(BENCHES, name));
if (strangers.length > 0) {
  process.stderr.write(`no such benchmark: ${strangers.join(", ")}\n`);
  process.stderr.write(`there are: ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}
const size: Size = { seconds: Number(values.seconds), isSmall: values.small === true };
for (const name of names) {
  process.stderr.write(`[bench] ${name}\n`);
  for await (const row of BENCHES[name]?.(size) ?? []) {
    const lines = values.json === true ? [jsonLine(row)] : tableLines(row);
    for (const line of lines) process.stdout.write(`${line}\n`);
  }
}
