#!/usr/bin/env node
// Starts the command line: the built one of the package, or in a checkout the sources themselves. Plain JavaScript
// that any Node understands, because it may have to say that this Node is too old.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const source = path.join(here, "..", "src", "cli.ts");
const built = path.join(here, "..", "dist", "cli.js");
const [major, minor] = process.versions.node.split(".").map(Number);

/** Node runs TypeScript by itself from 22.18 on. */
const stripsTypes = major > 22 || (major === 22 && minor >= 18);

/** The Node that the checkout fetched for itself, or null. */
function fetchedNode() {
  const folder = path.join(here, "..", "..", ".node24", "node_modules");
  if (!existsSync(folder)) return null;
  for (const name of readdirSync(folder)) {
    const node = path.join(folder, name, "bin", process.platform === "win32" ? "node.exe" : "node");
    if (name.startsWith("node-") && existsSync(node)) return node;
  }
  return null;
}

function stop(text) {
  process.stderr.write(`vend402: ${text}\n`);
  process.exit(1);
}

async function run(file) {
  const { main } = await import(pathToFileURL(file).href);
  process.exitCode = await main(process.argv.slice(2));
}

if (major < 20) stop(`this is Node ${process.versions.node}; vend402 needs 20 or newer.`);
else if (existsSync(source) && stripsTypes) await run(source);
else if (existsSync(source) && fetchedNode() !== null) {
  const done = spawnSync(
    fetchedNode(),
    [fileURLToPath(import.meta.url), ...process.argv.slice(2)],
    {
      stdio: "inherit",
    },
  );
  process.exit(done.status ?? 1);
} else if (existsSync(built)) await run(built);
else stop("this checkout needs Node 22.18 or newer; `npm run vend402 -- --help` fetches one.");
