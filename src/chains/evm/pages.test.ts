import type { Hex } from "viem";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import {
  type EvmFront,
  type FrontCall,
  heightIn,
  openEvmFront,
} from "../../../tests/fixtures/evm-front.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import { openClient } from "./client.ts";
import {
  openPages,
  type Page,
  type PageRead,
  type PageSource,
  type SeenTransfer,
} from "./pages.ts";
import type { EvmTexts, EvmTuning } from "./settings.ts";

interface Item extends SeenTransfer {
  readonly orderRef: string;
}

const { signal } = new AbortController();
let stage: EvmStage;

beforeAll(async () => {
  stage = await openEvmStage();
});
afterAll(() => stage.close());
beforeEach(() => stage.front.twist(null));

/** All transfers to the treasury. */
const source: PageSource<Item> = {
  filters: async () => {
    const { tokens, treasury } = stage.config();
    return [{ tokens, side: "to", addresses: [treasury] }];
  },
  items: async (_, transfers) => transfers.map((transfer) => ({ ...transfer, orderRef: "" })),
};

interface Reading {
  readonly read: (cursor: string | null) => Promise<PageRead<Item>>;
}

function reader(changes: EvmTexts = {}, tuning: Partial<EvmTuning> = {}): Reading {
  const config = stage.config(changes, tuning);
  const pages = openPages<Item>(openClient(config, systemClock), config, systemClock);
  return { read: (cursor) => pages.read(source, cursor, signal) };
}

function pageIn(read: PageRead<Item>): Page<Item> {
  if (read.kind === "done") return read.value;
  throw new Error(`${read.kind}: ${read.reason}`);
}

/** The cursor of a reader for whom everything that was paid is final. */
async function present(): Promise<string> {
  await stage.devnet.mine();
  await stage.finalize();
  const { read } = reader();
  let page = pageIn(await read(null));
  while (!page.isCaughtUp) page = pageIn(await read(page.cursor));
  return page.cursor;
}

function pay(atomic: bigint): Promise<Hex> {
  return stage.transfer({ token: stage.devnet.usdc, to: stage.treasury.address, atomic });
}

async function secondServer(): Promise<EvmFront> {
  const front = await openEvmFront(stage.devnet.url);
  onTestFinished(() => front.close());
  return front;
}

const TOO_MANY = { error: { code: -32005, message: "query returned more than 10000 results" } };

/** The number of blocks that a call for logs spans. */
function spanOf({ params }: FrontCall): number {
  const { fromBlock, toBlock } = params[0] as { readonly fromBlock: Hex; readonly toBlock: Hex };
  return Number(toBlock) - Number(fromBlock) + 1;
}

test("a server that takes few blocks at once is asked for fewer until it answers", async () => {
  const before = await present();
  const paid: Hex[] = [];
  for (let block = 0; block < 12; block++) paid.push(await pay(BigInt(block + 1)));
  await stage.finalize();
  const spans: number[] = [];
  stage.front.twist((call) => {
    if (call.method !== "eth_getLogs") return null;
    spans.push(spanOf(call));
    return spanOf(call) > 3 ? TOO_MANY : null;
  });
  const page = pageIn(await reader().read(before));
  expect(page.deposits.map(({ txId }) => txId)).toEqual(paid);
  expect(Math.max(...spans)).toBeGreaterThan(3);
});

test("a server that takes not even one block is a failure", async () => {
  const before = await present();
  await pay(1n);
  stage.front.twist(({ method }) => (method === "eth_getLogs" ? TOO_MANY : null));
  expect(await reader().read(before)).toMatchObject({ kind: "failed", retryable: true });
});

test("a server that lags behind the cursor is passed over", async () => {
  const before = await present();
  const hash = await pay(3n);
  const lagging = await secondServer();
  const old = await stage.devnet.rpc("eth_getBlockByNumber", ["0x1", false]);
  lagging.twist(({ method, params }) =>
    method === "eth_getBlockByNumber" && (params[0] === "latest" || params[0] === "finalized")
      ? { result: old }
      : null,
  );
  expect(await reader({ RPC: lagging.url }).read(before)).toMatchObject({
    kind: "failed",
    reason: expect.stringMatching(/behind/) as string,
  });
  const page = pageIn(await reader({ RPC: `${lagging.url},${stage.front.url}` }).read(before));
  expect(page.deposits.map(({ txId }) => txId)).toEqual([hash]);
});

test("logs of a server without the newest blocks are not taken for all there are", async () => {
  const before = await present();
  const hash = await pay(4n);
  await stage.finalize();
  stage.front.lagOnce();
  const { read } = reader();
  expect(await read(before)).toMatchObject({ kind: "failed", retryable: true });
  expect(pageIn(await read(before)).deposits.map(({ txId }) => txId)).toEqual([hash]);
});

test("one server that has lost its way takes nothing back while another has the chain that was read", async () => {
  const earlier = await present();
  await stage.devnet.mine();
  const before = pageIn(await reader().read(earlier)).cursor;
  const { final } = JSON.parse(before) as { readonly final: readonly [number, Hex] };
  await pay(6n);
  const lost = await secondServer();
  lost.twist((call) => {
    if (call.method !== "eth_getBlockByNumber" || heightIn(call) !== final[0]) return null;
    return {
      result: {
        number: `0x${final[0].toString(16)}`,
        hash: `0x${"ab".repeat(32)}`,
        timestamp: "0x1",
      },
    };
  });
  const both = pageIn(await reader({ RPC: `${lost.url},${stage.front.url}` }).read(before));
  expect(both.wholeAboveHeight).toBe(final[0]);
  // Alone it is believed, and everything since the last block that both know is read again.
  const alone = pageIn(await reader({ RPC: lost.url }).read(before));
  expect(alone.wholeAboveHeight).toBeLessThan(final[0]);
});

test("a block that is replaced while it is read fails the read, and the next one has the truth", async () => {
  const before = await present();
  await pay(7n);
  const { read } = reader();
  let hasStruck = false;
  const result = read(before);
  stage.front.twist((call) => {
    if (call.method === "eth_getLogs" && !hasStruck) {
      hasStruck = true;
      return {
        result: [
          {
            address: stage.devnet.usdc,
            topics: [
              "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
              `0x${"11".repeat(32)}`,
              `0x${"22".repeat(32)}`,
            ],
            data: `0x${"00".repeat(31)}01`,
            blockNumber: (call.params[0] as { readonly toBlock: Hex }).toBlock,
            blockHash: `0x${"cd".repeat(32)}`,
            transactionHash: `0x${"ef".repeat(32)}`,
            logIndex: "0x0",
            removed: false,
          },
        ],
      };
    }
    return null;
  });
  expect(await result).toMatchObject({
    kind: "failed",
    reason: expect.stringMatching(/changed/) as string,
  });
  expect(pageIn(await read(before)).deposits).toHaveLength(1);
});

test("while no block comes, nothing is read but the newest one", async () => {
  const before = await present();
  const { read } = reader();
  const asked = stage.front.asked.get("eth_getLogs");
  const page = pageIn(await read(before));
  expect(page).toMatchObject({ deposits: [], cursor: before, isCaughtUp: true });
  expect(page.wholeAboveHeight).toBeUndefined();
  expect(stage.front.asked.get("eth_getLogs")).toBe(asked);
});

test("a cold start without a first block begins an hour back, or with the chain", async () => {
  const hash = await pay(8n);
  const page = pageIn(await reader({ START_BLOCK: "" }).read(null));
  expect(page.deposits.map(({ txId }) => txId)).toContain(hash);
});

test("transfers of nothing are no payments", async () => {
  const before = await present();
  await pay(0n);
  expect(pageIn(await reader().read(before)).deposits).toEqual([]);
});

test("a reorg right after a cold start is read again from where reading began", async () => {
  await stage.devnet.mine(10);
  const start = await stage.devnet.latestBlock();
  await pay(9n);
  await stage.finalize();
  const { read } = reader({ START_BLOCK: String(start) });
  const first = pageIn(await read(null));
  expect(first.deposits).toHaveLength(1);
  await stage.devnet.reorg(3);
  const second = pageIn(await read(first.cursor));
  expect(second).toMatchObject({ deposits: [], wholeAboveHeight: start - 1 });
});

test("with every server dead a read fails and says of which", async () => {
  const read = await reader({ RPC: "http://127.0.0.1:1/a,http://127.0.0.1:2/b" }).read(null);
  expect(read).toMatchObject({ kind: "failed", retryable: true });
  expect(read).toHaveProperty("reason", expect.stringMatching(/127\.0\.0\.1:1.*127\.0\.0\.1:2/));
});

test("a text that is no cursor is refused for good", async () => {
  expect(await reader().read("0042-0001")).toMatchObject({ kind: "failed", retryable: false });
});
