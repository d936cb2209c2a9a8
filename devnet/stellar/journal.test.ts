import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Asset, Keypair, Operation } from "@stellar/stellar-sdk";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createChain, type StellarChain } from "./chain.ts";
import { fundAccounts } from "./friendbot.ts";
import { type Journal, openJournal } from "./journal.ts";
import { contractExists, createTestAsset, runOperation } from "./setup.ts";
import { TESTNET_SETTINGS } from "./settings.ts";
import { startStellarDevnet } from "./start.ts";
import { loadSorobanHost } from "./soroban-host.ts";
import { call } from "./rpc/test-client.ts";

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "vend402-devnet-"));
});

afterEach(() => rmSync(dir, { recursive: true }));

test("a restarted network goes on where it was: accounts, contracts, history, events, clock", async () => {
  const first = await startStellarDevnet({
    dataDir: dir,
    closeEveryMs: "manual",
    testAsset: "USDC",
  });
  first.chain.advanceTime(5000);
  first.chain.advanceLedgers(3);
  const before = await look(first.url);
  const { latest } = first.chain.history;
  const root = first.chain.root.publicKey();
  const contractId = first.testAsset?.contractId ?? "";
  await first.close();
  const second = await startStellarDevnet({ dataDir: dir, closeEveryMs: "manual" });
  expect(await look(second.url)).toEqual(before);
  expect(second.chain.history.latest).toEqual(latest);
  expect(contractExists(second.chain, contractId)).toBe(true);
  expect(second.chain.timeOffsetMs).toBe(5_000_000);
  const asset = createTestAsset(second.chain);
  runOperation(second.chain, asset.issuer, pay(root, Asset.native(), "1"));
  expect(second.chain.history.latest.previousHash).toBe(latest.hash);
  await second.close();

  async function look(url: string) {
    const events = await call(url, "getEvents", { startLedger: 1 });
    const transactions = await call(url, "getTransactions", { startLedger: 1 });
    return [events.result?.["events"], transactions.result?.["transactions"]];
  }
});

test("a line that was being written when the process died is as if it had never been", () => {
  const { chain, journal } = open();
  fundAccounts(chain, [Keypair.random().publicKey()]);
  const { latest } = chain.history;
  journal.close();
  appendFileSync(file(), '{"t":"ledger","ledger":{"sequence":3,"transac');
  const again = open();
  expect(again.chain.history.latest).toEqual(latest);
  again.chain.closeLedger();
  again.journal.close();
  const third = open();
  expect(third.chain.history.latest.sequence).toBe(latest.sequence + 1);
  third.journal.close();
});

test("damage in the middle is told, not skipped", () => {
  const { chain, journal } = open();
  chain.advanceLedgers(3);
  journal.close();
  const lines = readFileSync(file(), "utf8").split("\n");
  lines[2] = lines[2]?.slice(5) ?? "";
  writeFileSync(file(), lines.join("\n"));
  expect(() => open()).toThrow(/is damaged at byte \d+/);
});

test("the file is written anew when most of it is out of date", () => {
  const history = { ledgers: 20, bytes: 1_000_000 };
  const { chain, journal } = open({ compactAboveBytes: 50_000, history });
  const alice = Keypair.random();
  fundAccounts(chain, [alice.publicKey()]);
  for (let paid = 0; paid < 60; paid += 1) {
    runOperation(chain, alice, pay(alice.publicKey(), Asset.native(), "1"));
  }
  const { latest } = chain.history;
  const { size } = statSync(file());
  journal.close();
  // Sixty payments at about 4 kB each were written.
  expect(size).toBeLessThan(150_000);
  const again = open({ history });
  expect(again.chain.history.latest).toEqual(latest);
  expect(again.chain.state.size).toBe(chain.state.size);
  again.journal.close();
});

test("a chain keeps the settings it began with", async () => {
  const settings = { ...TESTNET_SETTINGS, baseFeeStroops: 200 };
  const first = await startStellarDevnet({ dataDir: dir, closeEveryMs: "manual", settings });
  await first.close();
  const second = await startStellarDevnet({ dataDir: dir, closeEveryMs: "manual" });
  expect(second.chain.settings.baseFeeStroops).toBe(200);
  await second.close();
});

test("another network's folder, or one that is in use, is refused", () => {
  const { journal } = open();
  expect(() => open()).toThrow(/is held by process/);
  journal.close();
  expect(() => open({ passphrase: "Another network" })).toThrow(/belongs to another network/);
  // A lock of a process that is gone does not hold.
  writeFileSync(join(dir, "stellar.lock"), "999999999");
  open().journal.close();
});

function open(
  options: {
    readonly compactAboveBytes?: number;
    readonly history?: { readonly ledgers: number; readonly bytes: number };
    readonly passphrase?: string;
  } = {},
): { readonly chain: StellarChain; readonly journal: Journal } {
  const { passphrase = "Journal", history = { ledgers: 1000, bytes: 1e9 } } = options;
  const journal = openJournal({ dir, settings: TESTNET_SETTINGS, ...options, passphrase });
  let chain: StellarChain | null = null;
  chain = createChain({
    passphrase,
    settings: journal.settings,
    host: loadSorobanHost(),
    clock: { now: () => 1_800_000_000_000 },
    history,
    lateMarginS: 0,
    restored: journal.restored,
    onClosed(closed) {
      journal.append(closed, 0);
      const { state, history: past } = chain ?? {};
      if (!state || !past) return;
      journal.compact(() => ({
        state,
        ledgers: [...past.ledgers(), closed.ledger],
        timeOffsetMs: 0,
      }));
    },
  });
  return { chain, journal };
}

function file(): string {
  return join(dir, "stellar.jsonl");
}

function pay(destination: string, asset: Asset, amount: string) {
  return Operation.payment({ destination, asset, amount });
}
