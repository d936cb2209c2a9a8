/** A local Stellar network: real contract host, classic operations, ledgers and JSON-RPC. */
export type { ChainOptions, StellarChain, SubmitAnswer } from "./chain.ts";
export { type Clock, systemClock } from "./clock.ts";
export { createFaults, type Fault, type Faults } from "./faults.ts";
export { accountExists, fundAccounts, FRIENDBOT_XLM } from "./friendbot.ts";
export type { History, HistoryLimits } from "./history/history.ts";
export type { EventRecord, LedgerRecord, TransactionRecord } from "./history/records.ts";
export { readNetworkSettings } from "./config-from.ts";
export {
  contractExists,
  createTestAsset,
  fundContract,
  giveTestAsset,
  returnValue,
  runOperation,
  signedEnvelope,
  type TestAsset,
  uploadContract,
} from "./setup.ts";
export { type NetworkSettings, type SorobanLimits, TESTNET_SETTINGS } from "./settings.ts";
export {
  type ClosePace,
  LOCAL_PASSPHRASE,
  startStellarDevnet,
  type StellarDevnet,
  type StellarDevnetOptions,
} from "./start.ts";
