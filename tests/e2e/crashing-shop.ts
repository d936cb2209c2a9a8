/** The shop as `src/main.ts` runs it, killed at the step that its fuse names. An entry of a process of its own. */
import { once } from "node:events";
import { flushCompileCache } from "node:module";
import type { ShopActions } from "../../src/actions/index.ts";
import { serve } from "../../src/main.ts";
import type { Store } from "../../src/store/tx.ts";
import { burnFuse, FUSE_VARIABLE, readFuse, type CrashPoint } from "./fuse.ts";

const fuseFile = process.env[FUSE_VARIABLE] ?? "";

type Inputs = { [Name in keyof ShopActions]: Parameters<ShopActions[Name]>[1] };

/** The step is of the sort that the fuse means: many are routine. */
function concerns(point: CrashPoint, name: string, input: unknown): boolean {
  if (point.action !== name) return false;
  switch (name) {
    case "applyDeposits":
      return (input as Inputs["applyDeposits"]).page.deposits.length > 0;
    case "recordStage":
      return (input as Inputs["recordStage"]).stage === point.of;
    case "turnJobs": {
      const { ended } = input as {
        ended: readonly { job: { kind: string }; end: { kind: string } }[];
      };
      return ended.some(({ job, end }) => job.kind === point.of && end.kind === "finish");
    }
    default:
      return true;
  }
}

async function die(): Promise<never> {
  burnFuse(fuseFile);
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
}

function withFuse(store: Store<ShopActions>): Store<ShopActions> {
  return {
    ...store,
    transact: async (name, input) => {
      const point = readFuse(fuseFile);
      const isHit = point !== null && concerns(point, name, input);
      if (isHit && point.side === "before") await die();
      const result = await store.transact(name, input);
      if (isHit && point.side === "after") await die();
      return result;
    },
  };
}

process.stdin.resume();
await once(process.stdin, "end");
await serve({ wrapStore: withFuse });
// Otherwise written at an orderly end, which this process does not have.
flushCompileCache();
