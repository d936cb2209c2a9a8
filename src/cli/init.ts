import { existsSync, writeFileSync } from "node:fs";
import { systemRandom } from "../ids.ts";
import { Stop, type Command } from "./command.ts";

const ENV_FILE = ".env";
const SECRET_BYTES = 32;

export const init: Command = {
  usage: "init",
  summary: "writes .env with fresh secrets and the settings to fill in",
  run: async (_args, out) => {
    if (existsSync(ENV_FILE)) throw new Stop(`${ENV_FILE} is there already and stays as it is`);
    const secret = (): string => Buffer.from(systemRandom(SECRET_BYTES)).toString("hex");
    const lines = [
      "# Secrets of this shop. Keep a copy apart from the database: without the master keys no sealed",
      "# goods can be opened, without the pepper no API key can be checked.",
      `VEND402_MASTER_KEYS=k1:${secret()}`,
      `VEND402_KEY_PEPPER=${secret()}`,
      "",
      "# Fill in; .env.example explains each, and `vend402 doctor` says what is missing.",
      "VEND402_ENV=production",
      "VEND402_PUBLIC_URL=",
      "VEND402_STELLAR_NETWORK=testnet",
      "VEND402_STELLAR_TREASURY_SECRET=",
      "VEND402_STELLAR_KEEPER_SECRET=",
      "VEND402_STELLAR_RECEIVER=",
      "VEND402_PRICE_FEEDS=coinbase,kraken",
      "",
    ];
    writeFileSync(ENV_FILE, lines.join("\n"), { mode: 0o600, flag: "wx" });
    out.line(`${ENV_FILE} is written. Fill it in, then: vend402 deploy stellar; vend402 doctor`);
  },
};
