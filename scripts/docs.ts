/** `npm run docs`: writes the generated pages of docs/. */
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { generatePages } from "./pages.ts";
import { root } from "./steps.ts";

for (const [page, text] of generatePages()) {
  const file = path.join(root, page);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  process.stdout.write(`wrote ${page}\n`);
}
