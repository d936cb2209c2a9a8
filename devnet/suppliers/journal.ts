import { appendFileSync, mkdirSync, readFileSync, truncateSync } from "node:fs";
import { join } from "node:path";

/**
 * Keeps `lines` in `<dataDir>/<name>` or, for null, nowhere, and gives each to `apply`: those of the file
 * at once, a new one when it is written. A line is written before the answer leaves, so the file tells
 * the truth after the process is killed; it is not fsynced, so it does not survive a power cut.
 */
export function openJournal<Line>(
  dataDir: string | null,
  name: string,
  apply: (line: Line) => void,
): (line: Line) => void {
  if (dataDir === null) return apply;
  mkdirSync(dataDir, { recursive: true });
  const file = join(dataDir, name);
  for (const line of readLines(file)) apply(line as Line);
  return (line) => {
    appendFileSync(file, `${JSON.stringify(line)}\n`, { mode: 0o600 });
    apply(line);
  };
}

/** Whole lines only: a half-written last one never got an answer, so that sale never happened. */
function readLines(file: string): readonly unknown[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
  return whole
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}
