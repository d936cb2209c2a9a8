#!/usr/bin/env node
// Starts the command line: the built one of the package, or in a checkout the sources themselves. Plain JavaScript
// that any Node understands, because the sources need a newer one than the package.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = new URL("../cli.ts", import.meta.url);
const bootstrap = new URL("../../scripts/bootstrap.mjs", import.meta.url);
const [major, minor] = process.versions.node.split(".").map(Number);
/** Node runs TypeScript by itself from 22.18 on. */
const stripsTypes = major > 22 || (major === 22 && minor >= 18);

if (existsSync(source) && !stripsTypes) {
  // Fetches a newer Node, and starts this file with it.
  process.argv.splice(1, 0, fileURLToPath(bootstrap));
  await import(bootstrap.href);
} else {
  const { main } = await import(existsSync(source) ? source.href : "../dist/cli.js");
  process.exitCode = await main(process.argv.slice(2));
}
