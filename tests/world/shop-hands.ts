/** A shop's folder and settings in a test's hands: its processes, its commands, and what they have said. */
import path from "node:path";
import { findLeaks, secretsOf, type Said, type Secret } from "./canary.ts";
import {
  prepareShopProcess,
  runCommand,
  type Environment,
  type ShopProcess,
  type WaitingShop,
} from "./shop-process.ts";

export interface ShopHands {
  /** A new API key of the shop. */
  newApiKey(...args: readonly string[]): Promise<string>;
  startShop(extra?: Environment, entry?: string): Promise<ShopProcess>;
  /** A shop that has loaded and waits; see `prepareShopProcess`. */
  prepareShop(entry: string, extra?: Environment): WaitingShop;
  command(...args: readonly string[]): Promise<string>;
  /** Everything that no line of a shop or command may hold. */
  secrets(): readonly Secret[];
  /** What every shop process and command has written so far. */
  said(): readonly Said[];
  /** Ends what is left of shops. Throws when anything that was written holds a secret. */
  end(): Promise<void>;
}

export interface ShopHandsOptions {
  /** A folder of the test's own. */
  readonly folder: string;
  readonly env: Environment;
  /** Secrets beside those of the settings and the API keys: what suppliers have sold. */
  readonly sold: () => readonly Secret[];
}

export function createShopHands({ folder, env, sold }: ShopHandsOptions): ShopHands {
  // Compiled code is kept for the next process, which then starts in half the time.
  const cached = { NODE_COMPILE_CACHE: path.join(folder, "code") };
  const shops: WaitingShop[] = [];
  const texts: Said[] = [];
  const apiKeys: Secret[] = [];
  const hands: ShopHands = {
    newApiKey: async (...args) => {
      const made = ["keys", "create", "--orders-per-hour", "1000000", ...args];
      const text = (await runCommand({ ...cached, ...env }, made)).trim();
      apiKeys.push({ name: "an API key", text });
      return text;
    },
    startShop: (extra, entry = "src/main.ts") => hands.prepareShop(entry, extra).open(),
    prepareShop: (entry, extra = {}) => {
      const shop = prepareShopProcess({ ...cached, ...env, ...extra }, entry);
      shops.push(shop);
      return shop;
    },
    command: async (...args) => {
      const text = await runCommand({ ...cached, ...env }, args);
      texts.push({ where: `vend402 ${args[0] ?? ""}`, text });
      return text;
    },
    secrets: () => [...secretsOf(env), ...apiKeys, ...sold()],
    said: () => [
      ...texts,
      ...shops.flatMap(({ lines }) => lines.map((text) => ({ where: "a shop's line", text }))),
    ],
    end: async () => {
      await Promise.all(shops.map((shop) => shop.discard()));
      const leaks = findLeaks(hands.said(), hands.secrets());
      if (leaks.length > 0) throw new Error(`secrets were written:\n${leaks.join("\n")}`);
    },
  };
  return hands;
}
