import { TOLK_UNITS, type TolkUnit } from "./tolk.ts";
import { commitTolk, staleTolk } from "./tolk-manifest.ts";

/** What `rebuild.ts` can name of TON. The compiler is an npm package: always at hand. */
export const TON_NAMES: readonly string[] = TOLK_UNITS.map(({ name }) => name);

export interface TonRebuild {
  readonly root: string;
  /** Those of `TON_NAMES` that are wanted. */
  readonly names: readonly string[];
  /** Replaces the committed files instead of comparing. */
  readonly isWriting: boolean;
  readonly say: (line: string) => void;
}

/** Compiles again and compares; true when nothing differs. */
export async function rebuildTon(wishes: TonRebuild): Promise<boolean> {
  let isGood = true;
  for (const unit of TOLK_UNITS.filter(({ name }) => wishes.names.includes(name))) {
    isGood = (await rebuildUnit(unit, wishes)) && isGood;
  }
  return isGood;
}

async function rebuildUnit(unit: TolkUnit, { root, isWriting, say }: TonRebuild): Promise<boolean> {
  if (isWriting) {
    await commitTolk(root, unit);
    say(`${unit.name}: written`);
    return true;
  }
  const stale = await staleTolk(root, unit);
  if (stale.length > 0) say(`${unit.name}: DIFFERENT from what is committed: ${stale.join(", ")}`);
  else say(`${unit.name}: the same as committed`);
  return stale.length === 0;
}
