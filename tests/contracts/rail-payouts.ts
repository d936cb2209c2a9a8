import { expect, test } from "vitest";
import type { Amount } from "../../src/money.ts";
import type { Rail, SignedPayout } from "../../src/rails/rail.ts";
import { done, firstAsset, type FreshBench, type RailBench } from "./rail-bench.ts";

/** Longer than any rail lets a signature live. */
const PAST_ANY_BOUND_MS = 3_700_000;

interface Case {
  readonly payout: SignedPayout;
  readonly amount: Amount;
  readonly payee: string;
  readonly gained: () => Promise<bigint>;
}

/** A payout is sent once, or proven dead. */
export function payoutPromises(use: () => RailBench, freshBench: FreshBench): void {
  /** Signs a payout of the rail's first asset to a new payee, on the first lane. */
  const signed = async (bench: RailBench, rail: Rail, atomic = 5_0000000n): Promise<Case> => {
    const amount = { asset: firstAsset(rail), atomic };
    const payee = await bench.newPayee();
    const held = await bench.held(payee, amount.asset);
    const payout = done(await rail.payouts.sign({ ...(await request(rail, payee)), amount }));
    const gained = async (): Promise<bigint> => (await bench.held(payee, amount.asset)) - held;
    return { payout, amount, payee, gained };
  };

  test("signing sends nothing", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, gained } = await signed(bench, rail);
    await bench.advance();
    expect(await gained()).toBe(0n);
    expect(done(await rail.payouts.fate(payout))).toEqual({ kind: "pending" });
  });

  test("a payout arrives once in full, however often its bytes are sent and by whom", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, gained } = await signed(bench, rail);
    done(await rail.payouts.submit(payout));
    done(await bench.open().payouts.submit(payout));
    await bench.advance();
    done(await bench.open().payouts.submit(payout));
    await bench.advance();
    expect(await gained()).toBe(5_0000000n);
    const fate = done(await bench.open().payouts.fate(payout));
    expect(fate).toMatchObject({ kind: "final", height: expect.any(Number) as number });
  });

  test("every asset of the rail can be paid out, to the last base unit", async () => {
    const bench = use();
    const rail = bench.open();
    for (const asset of rail.assets) {
      const payee = await bench.newPayee();
      const held = await bench.held(payee, asset);
      const amount = { asset, atomic: 1_0000001n };
      const payout = done(await rail.payouts.sign({ ...(await request(rail, payee)), amount }));
      done(await rail.payouts.submit(payout));
      await bench.advance();
      expect((await bench.held(payee, asset)) - held).toBe(1_0000001n);
    }
  });

  test("a payout whose answer was lost is unknown, then final: it was sent once", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, gained } = await signed(bench, rail);
    bench.strike("payout_answer_lost");
    expect(await rail.payouts.submit(payout)).toMatchObject({ kind: "unknown" });
    await bench.advance();
    expect(done(await rail.payouts.fate(payout)).kind).toBe("final");
    done(await rail.payouts.submit(payout));
    await bench.advance();
    expect(await gained()).toBe(5_0000000n);
  });

  test("a payout that the network forgot stays pending and arrives when it is sent again", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, gained } = await signed(bench, rail);
    bench.strike("payout_forgotten");
    done(await rail.payouts.submit(payout));
    await bench.advance();
    expect(done(await rail.payouts.fate(payout))).toEqual({ kind: "pending" });
    done(await rail.payouts.submit(payout));
    await bench.advance();
    expect(await gained()).toBe(5_0000000n);
  });

  test("a payout that is put off was not sent, and may be sent again", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, gained } = await signed(bench, rail);
    bench.strike("payout_put_off");
    expect(await rail.payouts.submit(payout)).toMatchObject({ kind: "failed", retryable: true });
    done(await rail.payouts.submit(payout));
    await bench.advance();
    expect(await gained()).toBe(5_0000000n);
  });

  test("a payout that can not land any more is dead by proof; sent late it pays nothing, signed anew it pays once", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, amount, payee, gained } = await signed(bench, rail);
    bench.strike("payout_forgotten");
    done(await rail.payouts.submit(payout));
    await bench.exclude(payout);
    expect(done(await rail.payouts.fate(payout))).toMatchObject({ kind: "dead" });
    await rail.payouts.submit(payout);
    await bench.advance();
    expect(await gained()).toBe(0n);
    const anew = done(await rail.payouts.sign({ ...(await request(rail, payee)), amount }));
    expect(anew.txId).not.toBe(payout.txId);
    done(await rail.payouts.submit(anew));
    await bench.advance();
    expect(await gained()).toBe(amount.atomic);
    expect(done(await rail.payouts.fate(payout))).toMatchObject({ kind: "dead" });
  });

  test("a payout that can not land is not dead while history does not reach back to it", async () => {
    const bench = await freshBench();
    const rail = bench.open();
    const { payout } = await signed(bench, rail);
    await bench.exclude(payout);
    await bench.forgetHistory();
    expect(done(await rail.payouts.fate(payout))).toMatchObject({
      kind: "unprovable",
      reason: expect.stringMatching(/./) as string,
    });
  });

  test("a payout that was final stays final as long as history has it, whatever time passes", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout } = await signed(bench, rail);
    done(await rail.payouts.submit(payout));
    await bench.advance();
    await bench.passTime(PAST_ANY_BOUND_MS);
    expect(done(await rail.payouts.fate(payout)).kind).toBe("final");
  });

  test("a payout that the chain took in and turned down is dead, with the chain's reason", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout, payee, amount } = await signed(bench, rail);
    await bench.closePayee(payee, amount.asset);
    done(await rail.payouts.submit(payout));
    await bench.advance();
    expect(done(await rail.payouts.fate(payout))).toMatchObject({
      kind: "dead",
      reason: expect.stringMatching(/fail/) as string,
    });
  });

  test("a payee that cannot receive is refused before anything is signed, for good", async () => {
    const bench = use();
    const rail = bench.open();
    const asset = firstAsset(rail);
    for (const to of [await bench.newClosedPayee(asset), "", "nobody"]) {
      const sign = rail.payouts.sign({
        ...(await request(rail, to)),
        amount: { asset, atomic: 1n },
      });
      expect(await sign).toMatchObject({ kind: "failed", retryable: false });
    }
  });

  test("a treasury that is short cannot sign, says so in its balance, and is worth another try", async () => {
    const bench = await freshBench();
    const rail = bench.open();
    for (const asset of rail.assets) {
      const payee = await bench.newPayee();
      const before = done(await rail.payouts.balance(asset));
      expect(before).toBeGreaterThan(0n);
      const sign = async (atomic: bigint): ReturnType<Rail["payouts"]["sign"]> =>
        rail.payouts.sign({ ...(await request(rail, payee)), amount: { asset, atomic } });
      expect(await sign(before + 1n)).toMatchObject({ kind: "failed", retryable: true });
      await bench.emptyTreasury(asset);
      expect(done(await rail.payouts.balance(asset))).toBe(0n);
      expect(await sign(1n)).toMatchObject({ kind: "failed", retryable: true });
    }
  });

  test("the balance is what can really be sent: all of it in one payout", async () => {
    const bench = await freshBench();
    const rail = bench.open();
    for (const asset of rail.assets.toReversed()) {
      const payee = await bench.newPayee();
      const held = await bench.held(payee, asset);
      const amount = { asset, atomic: done(await rail.payouts.balance(asset)) };
      const payout = done(await rail.payouts.sign({ ...(await request(rail, payee)), amount }));
      done(await rail.payouts.submit(payout));
      await bench.advance();
      expect((await bench.held(payee, asset)) - held).toBe(amount.atomic);
    }
  });

  test("payouts on different lanes do not wait for each other", async () => {
    const bench = use();
    const rail = bench.open();
    const lanes = await someLanes(rail);
    const amount = { asset: firstAsset(rail), atomic: 2n };
    const payee = await bench.newPayee();
    const held = await bench.held(payee, amount.asset);
    for (const lane of lanes) {
      const payout = done(
        await rail.payouts.sign({ ...(await request(rail, payee)), amount, lane }),
      );
      expect(payout.lane).toBe(lane);
      done(await rail.payouts.submit(payout));
    }
    await bench.advance();
    expect((await bench.held(payee, amount.asset)) - held).toBe(2n * BigInt(lanes.length));
  });

  test("no server is no fate: neither dead nor sent", async () => {
    const bench = use();
    const rail = bench.open();
    const { payout } = await signed(bench, rail);
    bench.strike("read_refused");
    expect(await rail.payouts.fate(payout)).toMatchObject({ kind: "failed", retryable: true });
  });
}

/** More lanes than this are taken for as many as one likes. */
const ENOUGH_LANES = 3;

/** Different lanes that payouts may be signed on together: at most three, at least one. */
async function someLanes(rail: Rail): Promise<readonly string[]> {
  const taken = new Set<string>();
  while (taken.size < ENOUGH_LANES) {
    const lane = done(await rail.payouts.freeLane(taken));
    if (lane === null) break;
    expect(taken).not.toContain(lane);
    taken.add(lane);
  }
  expect(taken.size).toBeGreaterThan(0);
  return [...taken];
}

async function request(
  rail: Rail,
  to: string,
): Promise<{ readonly id: string; readonly to: string; readonly lane: string }> {
  const lane = done(await rail.payouts.freeLane(new Set()));
  return { id: "payout_1", to, lane: lane ?? "" };
}
