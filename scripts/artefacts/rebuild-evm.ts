import { sha256 } from "./manifest.ts";
import {
  checkPredeployed,
  commitPredeployed,
  committedPredeployed,
  readPredeployedFromAnvil,
} from "./predeployed.ts";
import { SOLIDITY_UNITS, type SolidityUnit } from "./solidity.ts";
import { checkUnits, commitUnit, staleArtefacts } from "./solidity-manifest.ts";

const PREDEPLOYED = "evm-predeployed";

/** What `rebuild.ts` can name beside the WebAssembly files. Compiler and chain are npm packages: always at hand. */
export const EVM_NAMES: readonly string[] = [
  ...SOLIDITY_UNITS.map(({ name }) => name),
  PREDEPLOYED,
];

export interface EvmRebuild {
  readonly root: string;
  /** Those of `EVM_NAMES` that are wanted. */
  readonly names: readonly string[];
  /** Replaces the committed files instead of comparing. */
  readonly isWriting: boolean;
  readonly say: (line: string) => void;
}

/** Compiles again and compares; true when nothing differs. */
export async function rebuildEvm(wishes: EvmRebuild): Promise<boolean> {
  const units = SOLIDITY_UNITS.filter(({ name }) => wishes.names.includes(name));
  const verdicts = units.map((unit) => rebuildUnit(unit, wishes));
  if (wishes.names.includes(PREDEPLOYED)) verdicts.push(await rebuildPredeployed(wishes));
  return verdicts.every(Boolean);
}

/** What is wrong with what is committed, one sentence each, as far as that shows without building. */
export function checkEvm(root: string): string[] {
  return [...checkUnits(root), ...checkPredeployed(root)];
}

function rebuildUnit(unit: SolidityUnit, { root, isWriting, say }: EvmRebuild): boolean {
  if (isWriting) {
    commitUnit(root, unit);
    say(`${unit.name}: written`);
    return true;
  }
  const stale = staleArtefacts(root, unit);
  if (stale.length > 0) say(`${unit.name}: DIFFERENT from what is committed: ${stale.join(", ")}`);
  else say(`${unit.name}: the same as committed`);
  return stale.length === 0;
}

async function rebuildPredeployed({ root, isWriting, say }: EvmRebuild): Promise<boolean> {
  const text = await readPredeployedFromAnvil();
  if (isWriting) {
    commitPredeployed(root, text);
    say(`${PREDEPLOYED}: written, sha256 ${sha256(text)}`);
    return true;
  }
  const isSame = committedPredeployed(root) === text;
  say(`${PREDEPLOYED}: ${isSame ? "the same as committed" : "DIFFERENT from what is committed"}`);
  return isSame;
}
