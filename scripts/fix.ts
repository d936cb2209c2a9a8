/** `npm run fix`: mends what lint and format can mend by themselves. */
import process from "node:process";
import { runStep } from "./steps.ts";

const isLinted = runStep({ name: "lint", run: "oxlint", args: ["--type-aware", "--fix", "."] });
const isFormatted = runStep({ name: "format", run: "oxfmt", args: ["."] });
process.exitCode = isLinted && isFormatted ? 0 : 1;
