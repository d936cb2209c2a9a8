import type { Address } from "viem";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { done } from "../../../tests/contracts/rail-bench.ts";
import { type EvmStage, openEvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import type { Amount } from "../../money.ts";
import { openClient } from "./client.ts";
import { lanePrefix, type Purse, readBody, type SignedTransfer } from "./payout.ts";
import { openPayouts, type TreasuryPayouts } from "./payouts.ts";
import type { EvmTexts, EvmTuning } from "./settings.ts";

const GWEI = 10n ** 9n;
/** Of devnet's tokens and of the chain that it poses as. */
const OUTBID_AFTER_MS = 30_000;

let stage: EvmStage;
let payouts: TreasuryPayouts;

beforeAll(async () => {
  stage = await openEvmStage({ treasuryAtomic: 100_000_000_000n });
});
afterAll(() => stage.close());
beforeEach(async () => {
  payouts = openPayouts(purse());
  // Whatever a test left behind lands here.
  await stage.devnet.mine(30);
});

function purse(changes: EvmTexts = {}, tuning: Partial<EvmTuning> = {}): Purse {
  const config = stage.config(changes, tuning);
  return { config, client: openClient(config, systemClock) };
}

function usdc(atomic: bigint): Amount {
  const [token] = stage.config().tokens;
  if (token === undefined) throw new Error("the stage has no token");
  return { asset: token.asset, atomic };
}

async function lane(skip = 0): Promise<string> {
  const taken = new Set<string>();
  for (let at = 0; ; at++) {
    const free = done(await payouts.freeLane(taken)) ?? "";
    if (at === skip) return free;
    taken.add(free);
  }
}

interface Signed {
  readonly payout: SignedTransfer;
  readonly payee: Address;
  readonly gained: () => Promise<bigint>;
}

async function sign(skip = 0, by: TreasuryPayouts = payouts): Promise<Signed> {
  const payee = (await stage.newAccount()).address;
  const request = { to: payee, amount: usdc(5_000_000n), lane: await lane(skip) };
  const payout = done(await by.sign(request));
  return { payout, payee, gained: () => stage.balanceOf(stage.devnet.usdc, payee) };
}

const nonceIn = (text: string): number => Number(text.slice(text.lastIndexOf("/") + 1));

/** The next block costs so much, and those after it less and less. */
async function setBaseFee(gwei: bigint): Promise<void> {
  await stage.devnet.rpc("anvil_setNextBlockBaseFeePerGas", [`0x${(gwei * GWEI).toString(16)}`]);
  await stage.devnet.mine();
}

describe("lanes", () => {
  test("are the treasury's nonces, the lowest that nobody has", async () => {
    const first = done(await payouts.freeLane(new Set()));
    const prefix = lanePrefix(stage.config());
    expect(first).toMatch(/^eip155:137\/0x[0-9a-f]{40}\/\d+$/);
    const next = nonceIn(first ?? "");
    const later = [1, 3].map((ahead) => `${prefix}${next + ahead}`);
    expect(done(await payouts.freeLane(new Set(later)))).toBe(first);
    expect(done(await payouts.freeLane(new Set([first ?? "", ...later])))).toBe(
      `${prefix}${next + 2}`,
    );
  });

  test("end at sixteen that wait; what has landed and those of others do not count", async () => {
    const next = nonceIn(await lane());
    const prefix = lanePrefix(stage.config());
    const waiting = Array.from({ length: 15 }, (_, i) => `${prefix}${next + i}`);
    const others = ["eip155:1/0x00/5", "GCHANNEL", `${prefix}${next - 1}`];
    expect(done(await payouts.freeLane(new Set([...waiting, ...others])))).toBe(
      `${prefix}${next + 15}`,
    );
    const sixteen = new Set([...waiting, `${prefix}${next + 15}`]);
    expect(done(await payouts.freeLane(sixteen))).toBeNull();
  });

  test("of another treasury are refused for good", async () => {
    const request = { to: stage.keeper.address, amount: usdc(1n), lane: "eip155:137/0x00/0" };
    expect(await payouts.sign(request)).toMatchObject({ kind: "failed", retryable: false });
  });
});

describe("a nonce that another transaction takes", () => {
  test("makes the payout dead, though only once that transaction is final", async () => {
    const { payout, gained } = await sign();
    const foreign = { to: stage.keeper.address, nonce: nonceIn(payout.lane) };
    await stage.send(stage.treasury, foreign);
    await stage.devnet.mine();
    expect(done(await payouts.fate(payout))).toEqual({ kind: "pending" });
    expect(done(await payouts.submit(payout))).toBeNull();
    await stage.finalize();
    expect(done(await payouts.fate(payout))).toMatchObject({ kind: "dead" });
    await stage.devnet.mine(3);
    expect(await gained()).toBe(0n);
  });

  test("and gives it back in a reorg leaves the payout alive", async () => {
    const { payout, gained } = await sign();
    await stage.send(stage.treasury, { to: stage.keeper.address, nonce: nonceIn(payout.lane) });
    await stage.devnet.mine();
    await stage.devnet.reorg(1);
    expect(done(await payouts.fate(payout))).toEqual({ kind: "pending" });
    done(await payouts.submit(payout));
    await stage.devnet.mine();
    await stage.finalize();
    expect(done(await payouts.fate(payout)).kind).toBe("final");
    expect(await gained()).toBe(5_000_000n);
  });
});

test("a payout that the chain took back lands when its bytes are sent again", async () => {
  const { payout, gained } = await sign();
  done(await payouts.submit(payout));
  await stage.devnet.mine();
  expect(await gained()).toBe(5_000_000n);
  expect(done(await payouts.fate(payout))).toEqual({ kind: "pending" });
  await stage.devnet.reorg(1);
  expect(await gained()).toBe(0n);
  done(await payouts.submit(payout));
  await stage.devnet.mine();
  await stage.finalize();
  expect(done(await payouts.fate(payout)).kind).toBe("final");
  expect(await gained()).toBe(5_000_000n);
});

test("a server that hides receipts cannot make a payout that landed look dead", async () => {
  const { payout } = await sign();
  done(await payouts.submit(payout));
  await stage.devnet.mine();
  await stage.finalize();
  stage.devnet.faults.plan({ kind: "no_receipt" }, { times: Infinity });
  expect(done(await payouts.fate(payout))).toEqual({ kind: "pending" });
  stage.devnet.faults.clear();
  expect(done(await payouts.fate(payout)).kind).toBe("final");
});

describe("a bid that is too low", () => {
  /** Sent, and passed over by a block that costs more. */
  async function tooLow(): Promise<Signed> {
    const signed = await sign();
    done(await payouts.submit(signed.payout));
    await setBaseFee(400n);
    return signed;
  }

  test("is raised on the same lane after a while, and one of the two lands", async () => {
    const { payout, gained } = await tooLow();
    expect(done(await payouts.outbid(payout))).toBeNull();
    await stage.devnet.advanceTime(OUTBID_AFTER_MS / 1000);
    await setBaseFee(400n);
    const higher = done(await payouts.outbid(payout));
    expect(higher).toMatchObject({ lane: payout.lane, signedAtHeight: payout.signedAtHeight });
    if (higher === null) return;
    const [old, bid] = [readBody(payout.body), readBody(higher.body)];
    expect(bid?.earlier).toEqual([payout.txId]);
    const oldTipWei = old?.tipWei ?? 0n;
    expect(bid?.tipWei).toBeGreaterThanOrEqual((oldTipWei * 9n) / 8n);
    expect(bid?.maxFeeWei).toBeGreaterThan(400n * GWEI);
    done(await payouts.submit(higher));
    await stage.devnet.mine(30);
    expect(await gained()).toBe(5_000_000n);
    expect(done(await payouts.fate(higher))).toMatchObject({ kind: "final" });
    expect(done(await payouts.fate(higher))).not.toHaveProperty("txId");
  });

  test("that lands after all is the fate of the higher one", async () => {
    const { payout, gained } = await tooLow();
    await stage.devnet.advanceTime(OUTBID_AFTER_MS / 1000);
    await setBaseFee(400n);
    const higher = done(await payouts.outbid(payout));
    expect(higher).not.toBeNull();
    if (higher === null) return;
    // The higher one is signed and stored, but never sent: blocks get cheap again.
    await stage.devnet.mine(60);
    done(await payouts.submit(payout));
    await stage.devnet.mine(3);
    expect(await gained()).toBe(5_000_000n);
    const fate = done(await payouts.fate(higher));
    expect(fate).toMatchObject({ kind: "final", txId: payout.txId });
    await stage.devnet.advanceTime((OUTBID_AFTER_MS / 1000) * 10);
    await setBaseFee(400n);
    expect(done(await payouts.outbid(payout))).toBeNull();
    expect(done(await payouts.submit(higher))).toBeNull();
    await stage.devnet.mine(3);
    expect(await gained()).toBe(5_000_000n);
  });

  test("is raised at most to MAX_FEE_GWEI", async () => {
    const { payout } = await tooLow();
    await stage.devnet.advanceTime(OUTBID_AFTER_MS / 1000);
    await setBaseFee(400n);
    const poor = openPayouts(purse({ MAX_FEE_GWEI: "28" }));
    expect(done(await poor.outbid(payout))).toBeNull();
  });

  test("is no reason when the market is below it: waiting is enough", async () => {
    const { payout } = await sign();
    done(await payouts.submit(payout));
    await stage.devnet.advanceTime(OUTBID_AFTER_MS / 1000);
    await stage.devnet.rpc("anvil_dropTransaction", [payout.txId]);
    await stage.devnet.mine();
    expect(done(await payouts.outbid(payout))).toBeNull();
    // After minutes it is tried all the same: something else may stand in the way.
    await stage.devnet.advanceTime((OUTBID_AFTER_MS / 1000) * 6);
    await stage.devnet.mine();
    expect(done(await payouts.outbid(payout))).not.toBeNull();
  });
});

test("a nonce that was never used does not hold up the payouts behind it for ever", async () => {
  const { payout, gained } = await sign(1);
  done(await payouts.submit(payout));
  await stage.devnet.mine(3);
  expect(await gained()).toBe(0n);
  expect(done(await payouts.outbid(payout))).toBeNull();
  await stage.devnet.advanceTime((OUTBID_AFTER_MS / 1000) * 5);
  await stage.devnet.mine();
  expect(done(await payouts.outbid(payout))).toBeNull();
  await stage.devnet.mine(2);
  expect(await gained()).toBe(5_000_000n);
  await stage.finalize();
  expect(done(await payouts.fate(payout)).kind).toBe("final");
});

describe("nothing is signed", () => {
  async function request(to: string): Promise<Parameters<TreasuryPayouts["sign"]>[0]> {
    return { to, amount: usdc(1n), lane: await lane() };
  }

  test("to the zero address, the token, the treasury or a mistyped address, for good", async () => {
    const { devnet, treasury, keeper } = stage;
    const mistyped = keeper.address.replace(/[a-f]/, (letter) => letter.toUpperCase());
    const mixed = keeper.address.replace(/[A-F]/, (letter) => letter.toLowerCase());
    for (const to of [`0x${"0".repeat(40)}`, devnet.usdc, treasury.address, mistyped, mixed]) {
      if (to === keeper.address) continue;
      expect(await payouts.sign(await request(to))).toMatchObject({
        kind: "failed",
        retryable: false,
      });
    }
  });

  test("while gas costs more than may be paid, and that passes", async () => {
    await setBaseFee(400n);
    const poor = openPayouts(purse({ MAX_FEE_GWEI: "100" }));
    expect(await poor.sign(await request(stage.keeper.address))).toMatchObject({
      kind: "failed",
      retryable: true,
      reason: expect.stringMatching(/MAX_FEE_GWEI/) as string,
    });
  });

  test("while the treasury has no coin for gas, which the reason names", async () => {
    const { devnet, treasury, keeper } = stage;
    const coin = (await devnet.rpc("eth_getBalance", [treasury.address, "latest"])) as string;
    await devnet.setBalance(treasury.address, 1_000n);
    const short = await payouts.sign(await request(keeper.address));
    await devnet.setBalance(treasury.address, BigInt(coin));
    expect(short).toMatchObject({
      kind: "failed",
      retryable: true,
      reason: expect.stringMatching(/POL for gas/) as string,
    });
  });

  test("while the token has frozen the treasury itself: that is not the payee's fault", async () => {
    const fresh = await openEvmStage();
    const config = fresh.config();
    const theirs = openPayouts({ config, client: openClient(config, systemClock) });
    const free = done(await theirs.freeLane(new Set())) ?? "";
    await fresh.blacklist(fresh.treasury.address);
    const to = fresh.keeper.address;
    const signed = await theirs.sign({ to, amount: usdc(1n), lane: free });
    await fresh.close();
    expect(signed).toMatchObject({ kind: "failed", retryable: true });
  });

  test("while the token turns everybody down", async () => {
    const { devnet, keeper } = stage;
    const code = await devnet.rpc("eth_getCode", [devnet.usdc, "latest"]);
    await devnet.rpc("anvil_setCode", [devnet.usdc, "0x60006000fd"]); // revert
    const signed = await payouts.sign(await request(keeper.address));
    await devnet.rpc("anvil_setCode", [devnet.usdc, code]);
    expect(signed).toMatchObject({ kind: "failed", retryable: true });
  });

  test("on a nonce that the chain has used", async () => {
    const used = await lane();
    await stage.send(stage.treasury, { to: stage.keeper.address });
    await stage.devnet.mine();
    const amount = usdc(1n);
    const signed = await payouts.sign({ to: stage.keeper.address, amount, lane: used });
    expect(signed).toMatchObject({ kind: "failed", retryable: true });
  });
});
