import { systemClock } from "../clock.ts";
import { Stop, type Command } from "./command.ts";
import { withStore } from "./settings.ts";

export const backup: Command = {
  usage: "backup FILE",
  summary: "copies the database, consistent and complete, while the server runs",
  run: async ([file], out) => {
    if (file === undefined) throw new Stop("say where to: backup FILE");
    await withStore((store) => store.backup(file, systemClock.now()));
    out.line(`${file} is a complete copy; it opens only with the same master keys`);
  },
};
