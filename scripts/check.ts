/**
 * `npm run check`: types, lint, format, dead code and the tests; all of them, even when one fails.
 * `-- --static` leaves out the tests.
 */
import process from "node:process";
import { runStep, type Step } from "./steps.ts";

const STATIC: readonly Step[] = [
  { name: "types", run: "tsc", from: "typescript", args: ["-p", "."] },
  { name: "lint", run: "oxlint", args: ["--type-aware", "."] },
  { name: "format", run: "oxfmt", args: ["--check", "."] },
  { name: "dead code", run: "knip", args: [] },
];
const TESTS: Step = { name: "tests", run: "scripts/test.ts", args: [] };

const steps = process.argv.includes("--static") ? STATIC : [...STATIC, TESTS];
const broken = steps.filter((step) => !runStep(step)).map(({ name }) => name);
process.stdout.write(broken.length === 0 ? "\nAll good.\n" : `\nBroken: ${broken.join(", ")}\n`);
process.exitCode = broken.length === 0 ? 0 : 1;
