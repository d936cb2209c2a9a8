import { TESTNET_CPU_COST_PARAMS, TESTNET_MEMORY_COST_PARAMS } from "./cost-table.ts";
import type { HostSettings } from "./soroban-host.ts";

/** Rates, limits and TTLs of contracts, without what follows from the network itself. */
export type SorobanSettings = Omit<HostSettings, "networkId" | "baseReserve" | "sizeLimits">;

/** Largest transaction that is let into the queue; more is txSOROBAN_INVALID. */
export interface SorobanLimits {
  readonly maxContractSizeBytes: number;
  readonly maxDataKeySizeBytes: number;
  readonly maxDataEntrySizeBytes: number;
  readonly txMaxSizeBytes: number;
  readonly txMaxFootprintEntries: number;
  readonly txMaxDiskReadEntries: number;
  readonly txMaxDiskReadBytes: number;
  readonly txMaxWriteEntries: number;
  readonly txMaxWriteBytes: number;
  readonly txMaxContractEventsSizeBytes: number;
}

/** Everything a network can vote on, as far as the local chain uses it. */
export interface NetworkSettings {
  readonly baseFeeStroops: number;
  readonly baseReserveStroops: number;
  /** Transactions that did not fit wait for the next ledger. */
  readonly ledgerMaxTransactions: number;
  readonly soroban: SorobanSettings;
  readonly limits: SorobanLimits;
}

/** Testnet at protocol 26, except that the price of rent does not move with the size of the state. */
export const TESTNET_SETTINGS: NetworkSettings = {
  baseFeeStroops: 100,
  baseReserveStroops: 5_000_000,
  ledgerMaxTransactions: 1000,
  soroban: {
    txMaxInstructions: 100_000_000,
    txMemoryLimitBytes: 41_943_040,
    minTemporaryTtl: 720,
    minPersistentTtl: 120_960,
    maxEntryTtl: 3_110_400,
    cpuCostParams: TESTNET_CPU_COST_PARAMS,
    memoryCostParams: TESTNET_MEMORY_COST_PARAMS,
    fees: {
      perInstructionIncrement: 25,
      perDiskReadEntry: 6250,
      perWriteEntry: 10_000,
      perDiskRead1kb: 1786,
      perWrite1kb: 3500,
      perHistorical1kb: 16_235,
      perContractEvent1kb: 10_000,
      perTransactionSize1kb: 1624,
      perRent1kb: 1000,
      persistentRentDenominator: 1215,
      temporaryRentDenominator: 2430,
    },
  },
  limits: {
    maxContractSizeBytes: 131_072,
    maxDataKeySizeBytes: 250,
    maxDataEntrySizeBytes: 65_536,
    txMaxSizeBytes: 132_096,
    txMaxFootprintEntries: 400,
    txMaxDiskReadEntries: 200,
    txMaxDiskReadBytes: 200_000,
    txMaxWriteEntries: 200,
    txMaxWriteBytes: 132_096,
    txMaxContractEventsSizeBytes: 16_384,
  },
};

/** What the host is configured with. */
export function hostSettings(settings: NetworkSettings, networkId: Uint8Array): HostSettings {
  return {
    ...settings.soroban,
    networkId: Buffer.from(networkId).toString("base64"),
    baseReserve: settings.baseReserveStroops,
    sizeLimits: settings.limits,
  };
}
