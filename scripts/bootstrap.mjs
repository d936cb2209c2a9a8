// Runs a script of this repository under Node 24 with its packages installed. Plain JavaScript that any
// Node from 18 on understands, because it is the first thing that a fresh clone runs.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR = 24;
const NODE_VERSION = "24.21.0";
const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const toolchain = path.join(root, ".node24");

const say = (text) => process.stderr.write(`[vend402] ${text}\n`);

function stop(text) {
  say(text);
  process.exit(1);
}

/** The npm that runs us, as a script for a Node of our choice; else the npm on the PATH. */
function npm(node, args, cwd) {
  const script = process.env.npm_execpath;
  const inherited = { cwd, stdio: ["ignore", 2, 2], env: { ...process.env } };
  // npm passes its own settings down as variables; a nested npm must find the folder's, not ours.
  for (const name of Object.keys(inherited.env))
    if (/^npm_(package_|lifecycle_|config_(local_)?prefix)/.test(name)) delete inherited.env[name];
  return script !== undefined && script.endsWith(".js") && existsSync(script)
    ? spawnSync(node, [script, ...args], inherited)
    : spawnSync("npm", args, { ...inherited, shell: process.platform === "win32" });
}

/** Node 24: this one if it is, else one fetched from the npm registry into `.node24/`. */
function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) return process.execPath;
  const platform = process.platform === "win32" ? "win" : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const binary = path.join(
    toolchain,
    "node_modules",
    name,
    "bin",
    process.platform === "win32" ? "node.exe" : "node",
  );
  const runs = () =>
    existsSync(binary) &&
    spawnSync(binary, ["--version"]).stdout?.toString().trim() === `v${NODE_VERSION}`;
  if (runs()) return binary;
  say(
    `this is Node ${process.versions.node}; the project needs ${NODE_MAJOR}. ` +
      `Fetching Node ${NODE_VERSION} (npm package ${name}) into .node24/, for this project only.`,
  );
  mkdirSync(toolchain, { recursive: true });
  writeFileSync(path.join(toolchain, "package.json"), '{ "private": true }\n');
  npm(
    process.execPath,
    ["install", "--no-audit", "--no-fund", "--no-package-lock", `${name}@${NODE_VERSION}`],
    toolchain,
  );
  if (!runs())
    stop(`could not fetch Node ${NODE_VERSION} for ${platform}/${process.arch}: install Node 24.`);
  return binary;
}

/** Installs what package-lock.json names, unless that very lock file is what is installed. */
function installPackages(node) {
  const lock = readFileSync(path.join(root, "package-lock.json"));
  const wanted = createHash("sha256").update(lock).digest("hex");
  const marker = path.join(root, "node_modules", ".vend402-lock");
  if (existsSync(marker) && readFileSync(marker, "utf8") === wanted) return;
  say("installing packages (npm ci)");
  const done = npm(node, ["ci", "--no-audit", "--no-fund"], root);
  if (done.status !== 0) stop(`npm ci failed with code ${String(done.status)}`);
  writeFileSync(marker, wanted);
}

const node = findNode();
installPackages(node);
const child = spawn(node, process.argv.slice(2), {
  stdio: "inherit",
  env: { ...process.env, PATH: path.dirname(node) + path.delimiter + (process.env.PATH ?? "") },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
