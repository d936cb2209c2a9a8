/** Where a shop is to be killed: at a step that it is about to store, or has just stored. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { ShopActions } from "../../src/actions/index.ts";

export interface CrashPoint {
  readonly action: keyof ShopActions;
  /** The transaction has not begun, or it has been committed and nobody has been told. */
  readonly side: "before" | "after";
  /** Only of this stage (`recordStage`), or only when a job of this kind ends (`turnJobs`). */
  readonly of?: string;
}

/** The variable that tells the shop where its fuse lies. */
export const FUSE_VARIABLE = "TEST_FUSE_FILE";

/** Takes effect at the shop's next step, whichever process runs then. */
export function layFuse(file: string, point: CrashPoint): void {
  const partial = `${file}.partial`;
  writeFileSync(partial, JSON.stringify(point));
  renameSync(partial, file);
}

/** Null when no crash is wanted. */
export function readFuse(file: string): CrashPoint | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as CrashPoint;
  } catch {
    // None is laid.
    return null;
  }
}

export function burnFuse(file: string): void {
  rmSync(file, { force: true });
}
