import { xdr } from "@stellar/stellar-sdk";
import { configSettingKey, type EntryKey } from "./ledger/entry-key.ts";
import type { LedgerState } from "./ledger/state.ts";
import type { NetworkSettings } from "./settings.ts";

const { ConfigSettingEntry, ConfigSettingId } = xdr;

const IDS = {
  contractSize: ConfigSettingId.configSettingContractMaxSizeBytes,
  compute: ConfigSettingId.configSettingContractComputeV0,
  ledgerCost: ConfigSettingId.configSettingContractLedgerCostV0,
  ledgerCostExt: ConfigSettingId.configSettingContractLedgerCostExtV0,
  historical: ConfigSettingId.configSettingContractHistoricalDataV0,
  events: ConfigSettingId.configSettingContractEventsV0,
  bandwidth: ConfigSettingId.configSettingContractBandwidthV0,
  cpuCost: ConfigSettingId.configSettingContractCostParamsCpuInstructions,
  memoryCost: ConfigSettingId.configSettingContractCostParamsMemoryBytes,
  keySize: ConfigSettingId.configSettingContractDataKeySizeBytes,
  entrySize: ConfigSettingId.configSettingContractDataEntrySizeBytes,
  archival: ConfigSettingId.configSettingStateArchival,
  stateSize: ConfigSettingId.configSettingLiveSorobanStateSizeWindow,
};

/** Keys of the entries that `settingsFromEntries` understands. */
export const SETTING_KEYS: readonly EntryKey[] = Object.values(IDS).map(configSettingKey);

/** Puts the settings where a network keeps them, so that clients can read them over RPC. */
export function storeSettings(state: LedgerState, settings: NetworkSettings): void {
  const { soroban } = settings;
  const entries = [
    ...sizeEntries(settings),
    computeEntry(settings),
    ...ledgerCostEntries(settings),
    ...priceEntries(settings),
    archivalEntry(settings),
    ConfigSettingEntry.configSettingLiveSorobanStateSizeWindow([0n]),
  ];
  if (soroban.cpuCostParams && soroban.memoryCostParams) {
    const read = (text: string) => xdr.decodeArray(xdr.ContractCostParamEntry, text, "base64");
    const cpu = read(soroban.cpuCostParams);
    const memory = read(soroban.memoryCostParams);
    entries.push(
      ConfigSettingEntry.configSettingContractCostParamsCpuInstructions(cpu),
      ConfigSettingEntry.configSettingContractCostParamsMemoryBytes(memory),
    );
  }
  for (const entry of entries) {
    const key = configSettingKey(ConfigSettingId.fromName(entry.type));
    state.put(key, xdr.LedgerEntryData.configSetting(entry), 1);
  }
}

function sizeEntries({ limits }: NetworkSettings): xdr.ConfigSettingEntry[] {
  return [
    ConfigSettingEntry.configSettingContractMaxSizeBytes(limits.maxContractSizeBytes),
    ConfigSettingEntry.configSettingContractDataKeySizeBytes(limits.maxDataKeySizeBytes),
    ConfigSettingEntry.configSettingContractDataEntrySizeBytes(limits.maxDataEntrySizeBytes),
  ];
}

function computeEntry({ soroban }: NetworkSettings): xdr.ConfigSettingEntry {
  return ConfigSettingEntry.configSettingContractComputeV0(
    new xdr.ConfigSettingContractComputeV0({
      ledgerMaxInstructions: BigInt(soroban.txMaxInstructions) * 10n,
      txMaxInstructions: BigInt(soroban.txMaxInstructions),
      feeRatePerInstructionsIncrement: BigInt(soroban.fees.perInstructionIncrement),
      txMemoryLimit: soroban.txMemoryLimitBytes,
    }),
  );
}

/** The rent rate is fixed here: both ends of the network's sliding scale are the same. */
function ledgerCostEntries({ soroban, limits }: NetworkSettings): xdr.ConfigSettingEntry[] {
  const { fees } = soroban;
  const cost = new xdr.ConfigSettingContractLedgerCostV0({
    ledgerMaxDiskReadEntries: limits.txMaxDiskReadEntries * 10,
    ledgerMaxDiskReadBytes: limits.txMaxDiskReadBytes * 10,
    ledgerMaxWriteLedgerEntries: limits.txMaxWriteEntries * 10,
    ledgerMaxWriteBytes: limits.txMaxWriteBytes * 10,
    txMaxDiskReadEntries: limits.txMaxDiskReadEntries,
    txMaxDiskReadBytes: limits.txMaxDiskReadBytes,
    txMaxWriteLedgerEntries: limits.txMaxWriteEntries,
    txMaxWriteBytes: limits.txMaxWriteBytes,
    feeDiskReadLedgerEntry: BigInt(fees.perDiskReadEntry),
    feeWriteLedgerEntry: BigInt(fees.perWriteEntry),
    feeDiskRead1Kb: BigInt(fees.perDiskRead1kb),
    sorobanStateTargetSizeBytes: 1n,
    rentFee1KbSorobanStateSizeLow: BigInt(fees.perRent1kb),
    rentFee1KbSorobanStateSizeHigh: BigInt(fees.perRent1kb),
    sorobanStateRentFeeGrowthFactor: 0,
  });
  const ext = new xdr.ConfigSettingContractLedgerCostExtV0({
    txMaxFootprintEntries: limits.txMaxFootprintEntries,
    feeWrite1Kb: BigInt(fees.perWrite1kb),
  });
  return [
    ConfigSettingEntry.configSettingContractLedgerCostV0(cost),
    ConfigSettingEntry.configSettingContractLedgerCostExtV0(ext),
  ];
}

function priceEntries({ soroban, limits }: NetworkSettings): xdr.ConfigSettingEntry[] {
  const { fees } = soroban;
  return [
    ConfigSettingEntry.configSettingContractHistoricalDataV0(
      new xdr.ConfigSettingContractHistoricalDataV0({
        feeHistorical1Kb: BigInt(fees.perHistorical1kb),
      }),
    ),
    ConfigSettingEntry.configSettingContractEventsV0(
      new xdr.ConfigSettingContractEventsV0({
        txMaxContractEventsSizeBytes: limits.txMaxContractEventsSizeBytes,
        feeContractEvents1Kb: BigInt(fees.perContractEvent1kb),
      }),
    ),
    ConfigSettingEntry.configSettingContractBandwidthV0(
      new xdr.ConfigSettingContractBandwidthV0({
        ledgerMaxTxsSizeBytes: limits.txMaxSizeBytes * 10,
        txMaxSizeBytes: limits.txMaxSizeBytes,
        feeTxSize1Kb: BigInt(fees.perTransactionSize1kb),
      }),
    ),
  ];
}

function archivalEntry({ soroban }: NetworkSettings): xdr.ConfigSettingEntry {
  return ConfigSettingEntry.configSettingStateArchival(
    new xdr.StateArchivalSettings({
      maxEntryTtl: soroban.maxEntryTtl,
      minTemporaryTtl: soroban.minTemporaryTtl,
      minPersistentTtl: soroban.minPersistentTtl,
      persistentRentRateDenominator: BigInt(soroban.fees.persistentRentDenominator),
      tempRentRateDenominator: BigInt(soroban.fees.temporaryRentDenominator),
      maxEntriesToArchive: 1000,
      liveSorobanStateSizeWindowSampleSize: 30,
      liveSorobanStateSizeWindowSamplePeriod: 64,
      evictionScanSize: 100_000,
      startingEvictionScanLevel: 7,
    }),
  );
}

/**
 * The settings a network has voted for, over those given; an entry that is missing changes nothing.
 * Base fee and reserve are in the ledger header and stay.
 */
export function settingsFromEntries(
  entries: readonly xdr.ConfigSettingEntry[],
  base: NetworkSettings,
): NetworkSettings {
  const stateSizeBytes = averageStateSize(entries);
  return entries.reduce((settings, entry) => overlay(settings, entry, stateSizeBytes), base);
}

function overlay(
  settings: NetworkSettings,
  entry: xdr.ConfigSettingEntry,
  stateSizeBytes: bigint,
): NetworkSettings {
  const limits = (changed: Partial<NetworkSettings["limits"]>): NetworkSettings => ({
    ...settings,
    limits: { ...settings.limits, ...changed },
  });
  const fees = (changed: Partial<NetworkSettings["soroban"]["fees"]>): NetworkSettings => ({
    ...settings,
    soroban: { ...settings.soroban, fees: { ...settings.soroban.fees, ...changed } },
  });
  const soroban = (changed: Partial<NetworkSettings["soroban"]>): NetworkSettings => ({
    ...settings,
    soroban: { ...settings.soroban, ...changed },
  });
  switch (entry.type) {
    case "configSettingContractMaxSizeBytes":
      return limits({ maxContractSizeBytes: entry.contractMaxSizeBytes });
    case "configSettingContractDataKeySizeBytes":
      return limits({ maxDataKeySizeBytes: entry.contractDataKeySizeBytes });
    case "configSettingContractDataEntrySizeBytes":
      return limits({ maxDataEntrySizeBytes: entry.contractDataEntrySizeBytes });
    case "configSettingContractComputeV0":
      return withCompute(settings, entry.contractCompute);
    case "configSettingContractLedgerCostV0":
      return withLedgerCost(settings, entry.contractLedgerCost, stateSizeBytes);
    case "configSettingContractLedgerCostExtV0":
      return withLedgerCostExt(settings, entry.contractLedgerCostExt);
    case "configSettingContractHistoricalDataV0":
      return fees({ perHistorical1kb: Number(entry.contractHistoricalData.feeHistorical1Kb) });
    case "configSettingContractEventsV0":
      return withEvents(settings, entry.contractEvents);
    case "configSettingContractBandwidthV0":
      return withBandwidth(settings, entry.contractBandwidth);
    case "configSettingContractCostParamsCpuInstructions":
      return soroban({ cpuCostParams: encodeCosts(entry.contractCostParamsCpuInsns) });
    case "configSettingContractCostParamsMemoryBytes":
      return soroban({ memoryCostParams: encodeCosts(entry.contractCostParamsMemBytes) });
    case "configSettingStateArchival":
      return withArchival(settings, entry.stateArchivalSettings);
    default:
      return settings;
  }
}

function encodeCosts(costs: xdr.ContractCostParamEntry[]): string {
  return xdr.encodeArray(xdr.ContractCostParamEntry, costs, "base64");
}

function withCompute(
  settings: NetworkSettings,
  compute: xdr.ConfigSettingContractComputeV0,
): NetworkSettings {
  const perInstructionIncrement = Number(compute.feeRatePerInstructionsIncrement);
  const soroban = {
    ...settings.soroban,
    txMaxInstructions: Number(compute.txMaxInstructions),
    txMemoryLimitBytes: compute.txMemoryLimit,
    fees: { ...settings.soroban.fees, perInstructionIncrement },
  };
  return { ...settings, soroban };
}

function withLedgerCost(
  settings: NetworkSettings,
  cost: xdr.ConfigSettingContractLedgerCostV0,
  stateSizeBytes: bigint,
): NetworkSettings {
  const fees = {
    ...settings.soroban.fees,
    perDiskReadEntry: Number(cost.feeDiskReadLedgerEntry),
    perWriteEntry: Number(cost.feeWriteLedgerEntry),
    perDiskRead1kb: Number(cost.feeDiskRead1Kb),
    perRent1kb: Number(rentFeePer1kb(cost, stateSizeBytes)),
  };
  const limits = {
    ...settings.limits,
    txMaxDiskReadEntries: cost.txMaxDiskReadEntries,
    txMaxDiskReadBytes: cost.txMaxDiskReadBytes,
    txMaxWriteEntries: cost.txMaxWriteLedgerEntries,
    txMaxWriteBytes: cost.txMaxWriteBytes,
  };
  return { ...settings, limits, soroban: { ...settings.soroban, fees } };
}

function withLedgerCostExt(
  settings: NetworkSettings,
  cost: xdr.ConfigSettingContractLedgerCostExtV0,
): NetworkSettings {
  const fees = { ...settings.soroban.fees, perWrite1kb: Number(cost.feeWrite1Kb) };
  const limits = { ...settings.limits, txMaxFootprintEntries: cost.txMaxFootprintEntries };
  return { ...settings, limits, soroban: { ...settings.soroban, fees } };
}

function withEvents(
  settings: NetworkSettings,
  events: xdr.ConfigSettingContractEventsV0,
): NetworkSettings {
  const perContractEvent1kb = Number(events.feeContractEvents1Kb);
  const fees = { ...settings.soroban.fees, perContractEvent1kb };
  const { txMaxContractEventsSizeBytes } = events;
  const limits = { ...settings.limits, txMaxContractEventsSizeBytes };
  return { ...settings, limits, soroban: { ...settings.soroban, fees } };
}

function withBandwidth(
  settings: NetworkSettings,
  bandwidth: xdr.ConfigSettingContractBandwidthV0,
): NetworkSettings {
  const perTransactionSize1kb = Number(bandwidth.feeTxSize1Kb);
  const fees = { ...settings.soroban.fees, perTransactionSize1kb };
  const limits = { ...settings.limits, txMaxSizeBytes: bandwidth.txMaxSizeBytes };
  return { ...settings, limits, soroban: { ...settings.soroban, fees } };
}

function withArchival(
  settings: NetworkSettings,
  archival: xdr.StateArchivalSettings,
): NetworkSettings {
  const { maxEntryTtl, minTemporaryTtl, minPersistentTtl } = archival;
  const fees = {
    ...settings.soroban.fees,
    persistentRentDenominator: Number(archival.persistentRentRateDenominator),
    temporaryRentDenominator: Number(archival.tempRentRateDenominator),
  };
  const soroban = { ...settings.soroban, maxEntryTtl, minTemporaryTtl, minPersistentTtl, fees };
  return { ...settings, soroban };
}

function averageStateSize(entries: readonly xdr.ConfigSettingEntry[]): bigint {
  for (const entry of entries) {
    if (entry.type !== "configSettingLiveSorobanStateSizeWindow") continue;
    const sizes = entry.liveSorobanStateSizeWindow;
    if (sizes.length > 0) return sizes.reduce((sum, size) => sum + size, 0n) / BigInt(sizes.length);
  }
  return 0n;
}

const MINIMUM_RENT_PER_1KB = 1000n;

/** The rent rises with the size of the live state: `compute_rent_write_fee_per_1kb` of the host. */
function rentFeePer1kb(cost: xdr.ConfigSettingContractLedgerCostV0, stateSize: bigint): bigint {
  const low = cost.rentFee1KbSorobanStateSizeLow;
  const high = cost.rentFee1KbSorobanStateSizeHigh;
  const target = cost.sorobanStateTargetSizeBytes > 0n ? cost.sorobanStateTargetSizeBytes : 1n;
  const slope = high > low ? high - low : 0n;
  const over = (stateSize - target) * BigInt(cost.sorobanStateRentFeeGrowthFactor);
  const rent =
    stateSize < target
      ? low + divideUp(slope * stateSize, target)
      : high + divideUp(slope * over, target);
  return rent > MINIMUM_RENT_PER_1KB ? rent : MINIMUM_RENT_PER_1KB;
}

function divideUp(amount: bigint, by: bigint): bigint {
  return (amount + by - 1n) / by;
}
