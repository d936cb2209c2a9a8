import { serve as runShop } from "../main.ts";
import type { Command } from "./command.ts";
import { loadEnvFile } from "./settings.ts";

export const serve: Command = {
  usage: "serve",
  summary: "runs the shop until it is told to stop (SIGINT, SIGTERM)",
  run: async () => {
    loadEnvFile();
    await runShop();
  },
};
