/** Runs shops that are killed, one after the other, on the same data: what a supervisor does. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import type { ShopProcess } from "../world/shop-process.ts";
import type { ShopHands } from "../world/shop-hands.ts";
import { FUSE_VARIABLE, layFuse, type CrashPoint } from "./fuse.ts";

export interface CrashingShop {
  /** Where every one of the shops listens. */
  readonly url: string;
  /** Lays a fuse for each point in turn and starts the shop again after each crash; resolves when it is open after the last. */
  readonly crashAt: (points: readonly CrashPoint[]) => Promise<void>;
  /** Kills the shop now and starts it again. */
  readonly killNow: () => Promise<void>;
}

const ENTRY = "tests/e2e/crashing-shop.ts";

/** How long a shop may take to come to a crash point. */
const FUSE_LIMIT_MS = 30_000;

export async function openCrashingShop(
  world: Pick<ShopHands, "prepareShop"> & { readonly folder: string },
): Promise<CrashingShop> {
  const fuseFile = path.join(world.folder, "fuse.json");
  const port = await findPort();
  const env = { [FUSE_VARIABLE]: fuseFile, VEND402_PORT: String(port) };
  const prepare = () => world.prepareShop(ENTRY, env);
  let waiting = prepare();

  const open = (): Promise<ShopProcess> => {
    const next = waiting;
    waiting = prepare();
    return next.open();
  };
  let shop = await open();

  /** A shop with a fuse may be killed before it is open. */
  const reopen = async (): Promise<{ readonly isDown: boolean }> => {
    const hasFuse = existsSync(fuseFile);
    try {
      shop = await open();
      return { isDown: false };
    } catch (error) {
      if (hasFuse && !existsSync(fuseFile)) return { isDown: true };
      throw error;
    }
  };

  return {
    url: shop.url,
    crashAt: async (points) => {
      let isDown = false;
      for (const [index, point] of points.entries()) {
        if (index === 0) layFuse(fuseFile, point);
        if (!isDown) await crashed(shop, point);
        const next = points[index + 1];
        if (next !== undefined) layFuse(fuseFile, next);
        ({ isDown } = await reopen());
      }
    },
    killNow: async () => {
      await shop.kill();
      await reopen();
    },
  };
}

async function crashed(shop: ShopProcess, { action, side }: CrashPoint): Promise<void> {
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(
    () => timer.reject(new Error(`the shop never came to ${side} ${action}`)),
    FUSE_LIMIT_MS,
  );
  const code = await Promise.race([shop.ended, timer.promise]).finally(() => clearTimeout(timeout));
  if (code !== null) throw new Error(`the shop ended by itself with ${code}`);
}

/** Below the range from which systems give free ports, so that nobody is given it while no shop runs. */
const PORTS = [15_000, 30_000] as const;

async function findPort(): Promise<number> {
  for (;;) {
    const port = randomInt(...PORTS);
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
      return port;
    } catch {
      // Taken: try another one.
    } finally {
      server.close();
    }
  }
}
