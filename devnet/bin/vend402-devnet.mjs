#!/usr/bin/env node
import { existsSync } from "node:fs";

// The repository is run from its sources; the published package has only what was compiled of them.
const source = new URL("../cli.ts", import.meta.url);
const { main } = await import(existsSync(source) ? source.href : "../dist/cli.js");
process.exitCode = await main(process.argv.slice(2));
