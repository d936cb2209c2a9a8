import { systemClock } from "../clock.ts";
import type { Command } from "./command.ts";
import { withStore } from "./settings.ts";

export const restored: Command = {
  usage: "restored",
  summary:
    "says that the database was put back from a copy, so that nothing is paid or bought twice",
  run: async (_args, out) => {
    const nowMs = systemClock.now();
    const held = await withStore((store) =>
      store.transact("openRestored", { isDeclared: true, nowMs }),
    );
    out.line(
      `${held ?? 0} refunds that were due wait for you now: vend402 refunds --state blocked`,
    );
    out.line("what was paid before now is neither bought for nor sent back by itself");
  },
};
