import { expect, test } from "vitest";
import { readNetworkSettings } from "./config-from.ts";
import { type NetworkSettings, TESTNET_SETTINGS } from "./settings.ts";
import { startStellarDevnet } from "./start.ts";

const ODD: NetworkSettings = {
  ...TESTNET_SETTINGS,
  soroban: {
    ...TESTNET_SETTINGS.soroban,
    txMaxInstructions: 123_456_789,
    txMemoryLimitBytes: 50_000_001,
    minTemporaryTtl: 17,
    minPersistentTtl: 4097,
    maxEntryTtl: 999_999,
    fees: {
      perInstructionIncrement: 26,
      perDiskReadEntry: 6251,
      perWriteEntry: 10_001,
      perDiskRead1kb: 1787,
      perWrite1kb: 3501,
      perHistorical1kb: 16_236,
      perContractEvent1kb: 10_002,
      perTransactionSize1kb: 1625,
      perRent1kb: 1234,
      persistentRentDenominator: 1216,
      temporaryRentDenominator: 2431,
    },
  },
  limits: {
    maxContractSizeBytes: 131_073,
    maxDataKeySizeBytes: 251,
    maxDataEntrySizeBytes: 65_537,
    txMaxSizeBytes: 132_097,
    txMaxFootprintEntries: 401,
    txMaxDiskReadEntries: 201,
    txMaxDiskReadBytes: 200_001,
    txMaxWriteEntries: 202,
    txMaxWriteBytes: 132_098,
    txMaxContractEventsSizeBytes: 16_385,
  },
};

test("a network's settings, read over RPC, are the ones it runs with", async () => {
  const network = await startStellarDevnet({ closeEveryMs: "manual", settings: ODD });
  expect(await readNetworkSettings(network.url)).toEqual(ODD);
  await network.close();
});

test("without a cost table the host's own is used, and none is read", async () => {
  const { soroban } = TESTNET_SETTINGS;
  const settings = {
    ...TESTNET_SETTINGS,
    soroban: { ...soroban, cpuCostParams: null, memoryCostParams: null },
  };
  const network = await startStellarDevnet({ closeEveryMs: "manual", settings });
  expect(await readNetworkSettings(network.url, settings)).toEqual(settings);
  await network.close();
});

test("a server that knows no settings, or does not answer, is an error", async () => {
  const network = await startStellarDevnet({ closeEveryMs: "manual" });
  network.faults.plan({ kind: "rpc_error", code: -32601, message: "method not found" });
  await expect(readNetworkSettings(network.url)).rejects.toThrow("gave no settings");
  network.faults.plan({ kind: "http_status", status: 503 });
  await expect(readNetworkSettings(network.url)).rejects.toThrow("answered 503");
  await network.close();
  await expect(readNetworkSettings(network.url)).rejects.toThrow("fetch failed");
});
