import { xdr } from "@stellar/stellar-sdk";
import type { NetworkSettings, SorobanLimits, SorobanSettings } from "./settings.ts";

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

/** `stateSizeBytes` sets the rent. */
function overlay(
  settings: NetworkSettings,
  entry: xdr.ConfigSettingEntry,
  stateSizeBytes: bigint,
): NetworkSettings {
  const { limits, soroban } = settings;
  switch (entry.type) {
    case "configSettingContractCostParamsCpuInstructions":
    case "configSettingContractCostParamsMemoryBytes":
      return { ...settings, soroban: { ...soroban, ...costParams(entry) } };
    case "configSettingContractComputeV0":
      return withCompute(settings, entry.contractCompute);
    case "configSettingContractLedgerCostV0":
      return withLedgerCost(settings, entry.contractLedgerCost, stateSizeBytes);
    case "configSettingContractLedgerCostExtV0":
      return withLedgerCostExt(settings, entry.contractLedgerCostExt);
    case "configSettingContractHistoricalDataV0":
      return withHistorical(settings, entry.contractHistoricalData);
    case "configSettingContractEventsV0":
      return withEvents(settings, entry.contractEvents);
    case "configSettingContractBandwidthV0":
      return withBandwidth(settings, entry.contractBandwidth);
    case "configSettingStateArchival":
      return withArchival(settings, entry.stateArchivalSettings);
    default:
      return { ...settings, limits: { ...limits, ...sizeLimit(entry) } };
  }
}

function sizeLimit(entry: xdr.ConfigSettingEntry): Partial<SorobanLimits> {
  switch (entry.type) {
    case "configSettingContractMaxSizeBytes":
      return { maxContractSizeBytes: entry.contractMaxSizeBytes };
    case "configSettingContractDataKeySizeBytes":
      return { maxDataKeySizeBytes: entry.contractDataKeySizeBytes };
    case "configSettingContractDataEntrySizeBytes":
      return { maxDataEntrySizeBytes: entry.contractDataEntrySizeBytes };
    default:
      return {};
  }
}

function costParams(
  entry:
    | xdr.ConfigSettingEntryContractCostParamsCpuInstructions
    | xdr.ConfigSettingEntryContractCostParamsMemoryBytes,
): Partial<SorobanSettings> {
  const encode = (costs: xdr.ContractCostParamEntry[]) =>
    xdr.encodeArray(xdr.ContractCostParamEntry, costs, "base64");
  return entry.type === "configSettingContractCostParamsCpuInstructions"
    ? { cpuCostParams: encode(entry.contractCostParamsCpuInsns) }
    : { memoryCostParams: encode(entry.contractCostParamsMemBytes) };
}

function withHistorical(
  settings: NetworkSettings,
  historical: xdr.ConfigSettingContractHistoricalDataV0,
): NetworkSettings {
  const perHistorical1kb = Number(historical.feeHistorical1Kb);
  const fees = { ...settings.soroban.fees, perHistorical1kb };
  return { ...settings, soroban: { ...settings.soroban, fees } };
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
