/**
 * `npm run check`: types, lint, format, dead code and the tests; all of them, even when one fails. Names after it
 * choose among them (`npm run check -- types lint`), `--static` means all but the tests.
 */
import process from "node:process";
import { runStep, type Step } from "./steps.ts";

const STEPS: readonly Step[] = [
  { name: "types", run: "tsc", from: "typescript", args: ["-p", "."] },
  { name: "lint", run: "oxlint", args: ["--type-aware", "."] },
  { name: "format", run: "oxfmt", args: ["--check", "."] },
  { name: "dead-code", run: "knip", args: [] },
  { name: "tests", run: "scripts/test.ts", args: [] },
];

function chosen(words: readonly string[]): readonly Step[] {
  if (words.length === 0) return STEPS;
  if (words.includes("--static")) return STEPS.filter(({ name }) => name !== "tests");
  const unknown = words.filter((word) => !STEPS.some(({ name }) => name === word));
  if (unknown.length > 0) throw new Error(`there is no check named ${unknown.join(", ")}`);
  return STEPS.filter(({ name }) => words.includes(name));
}

const steps = chosen(process.argv.slice(2));
const broken = steps.filter((step) => !runStep(step)).map(({ name }) => name);
process.stdout.write(broken.length === 0 ? "\nAll good.\n" : `\nBroken: ${broken.join(", ")}\n`);
process.exitCode = broken.length === 0 ? 0 : 1;
