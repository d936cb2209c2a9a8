/** The only place where the commands write: data to standard output, progress to standard error. */

export interface Output {
  /** One line of the command's result. */
  line(text?: string): void;
  /** Rows with aligned columns; the first row is the heading. */
  table(rows: readonly (readonly string[])[]): void;
  /** A result as one JSON value. */
  json(value: unknown): void;
  /** What is being done right now, for a person who waits. */
  progress(text: string): void;
}

export const output: Output = {
  line: (text = "") => {
    process.stdout.write(`${text}\n`);
  },
  table: (rows) => {
    process.stdout.write(alignColumns(rows));
  },
  json: (value) => {
    process.stdout.write(`${JSON.stringify(value, bigintAsText, 2)}\n`);
  },
  progress: (text) => {
    process.stderr.write(`${text}\n`);
  },
};

// `vend402 orders show … | head` closes the pipe early; that is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

function bigintAsText(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString() : value;
}

/** Text of a table: columns two spaces apart, a line per row. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries())
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}
