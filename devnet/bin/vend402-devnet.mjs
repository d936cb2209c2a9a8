#!/usr/bin/env node
import { existsSync } from "node:fs";

// The published package has been compiled; the repository is run from its sources.
const built = new URL("../dist/cli.js", import.meta.url);
const { main } = await import(existsSync(built) ? built.href : "../cli.ts");
process.exitCode = await main(process.argv.slice(2));
