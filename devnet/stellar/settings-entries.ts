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

/** Keys of the entries that `settingsFromEntries` reads. */
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
