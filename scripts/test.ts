/**
 * `npm test`: every suite of the repository. Arguments are filters by file name. The last line reads
 * "N passed, N failed, N skipped"; under CI=true a skipped test fails the run.
 */
import process from "node:process";
import { startVitest, type TestModule } from "vitest/node";

interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

/** A file that did not load, or a hook that failed outside any test, counts as one failure. */
function tallyOf(modules: readonly TestModule[], strayErrors: number): Tally {
  let passed = 0;
  let failed = strayErrors;
  const skipped: string[] = [];
  for (const file of modules) {
    let failedHere = 0;
    for (const one of file.children.allTests()) {
      const { state } = one.result();
      if (state === "passed") passed++;
      else if (state === "failed") failedHere++;
      else skipped.push(`${file.relativeModuleId} > ${one.fullName}`);
    }
    failed += failedHere === 0 && !file.ok() ? 1 : failedHere;
  }
  return { passed, failed, skipped };
}

const isCi = process.env["CI"] === "true";
const vitest = await startVitest(process.argv.slice(2), { run: true, watch: false });
const modules = vitest.state.getTestModules();
const { passed, failed, skipped } = tallyOf(modules, vitest.state.getUnhandledErrors().length);
await vitest.close();

const say = (line: string): void => void process.stdout.write(`${line}\n`);
for (const name of skipped) say(`skipped: ${name}`);
if (isCi && skipped.length > 0) say("Skipped tests fail the run, because CI=true.");
if (modules.length === 0) say("No test file matches.");
const isGood = failed === 0 && modules.length > 0 && !(isCi && skipped.length > 0);
process.exitCode = isGood ? 0 : 1;
say(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
