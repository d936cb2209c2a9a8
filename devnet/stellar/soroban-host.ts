import { type HostModule, openModule } from "./soroban-module.ts";

export { SorobanHostTrap } from "./soroban-module.ts";

/**
 * The Soroban host (soroban-env-host and soroban-simulation, the crates that validators and RPC servers
 * link) as one WebAssembly module without imports. All XDR crosses as base64.
 *
 * The host keeps a copy of the ledger entries it was given by `put`, only so that it can read them. The
 * authoritative ledger belongs to the caller: `apply` returns what would change and changes nothing.
 */

/** A ledger entry as the host stores it. `entry: null` in a `put` deletes. */
export interface HostEntry {
  readonly key: string; // LedgerKey
  readonly entry: string | null; // LedgerEntry (not LedgerEntryData)
  readonly liveUntilLedger: number | null; // contract data and code only
}

/** The ledger in which a call runs: simulation uses the next one, apply the one being closed. */
export interface HostLedger {
  readonly sequence: number;
  readonly closeTimeS: number;
}

/** Rates, limits and TTLs of the network imitated. Cost parameters: ContractCostParams; null = the host's own. */
export interface HostSettings {
  readonly networkId: string; // base64 of sha256(passphrase)
  readonly baseReserve: number;
  readonly txMaxInstructions: number;
  readonly txMemoryLimitBytes: number;
  readonly minTemporaryTtl: number;
  readonly minPersistentTtl: number;
  readonly maxEntryTtl: number;
  readonly cpuCostParams: string | null;
  readonly memoryCostParams: string | null;
  readonly fees: {
    readonly perInstructionIncrement: number;
    readonly perDiskReadEntry: number;
    readonly perWriteEntry: number;
    readonly perDiskRead1kb: number;
    readonly perWrite1kb: number;
    readonly perHistorical1kb: number;
    readonly perContractEvent1kb: number;
    readonly perTransactionSize1kb: number;
    readonly perRent1kb: number;
    readonly persistentRentDenominator: number;
    readonly temporaryRentDenominator: number;
  };
  /** What a validator refuses to exceed when it applies; an absent limit is not checked. */
  readonly sizeLimits?: SizeLimits;
}

export interface SizeLimits {
  readonly maxContractSizeBytes?: number;
  readonly maxDataEntrySizeBytes?: number;
  readonly txMaxContractEventsSizeBytes?: number;
}

export interface SimulateRequest {
  readonly ledger: HostLedger;
  /** OperationBody: InvokeHostFunction, ExtendFootprintTTL or RestoreFootprint. */
  readonly operation: string;
  readonly source: string; // AccountId
  /** Footprint for the TTL operations: SorobanTransactionData of the transaction, else null. */
  readonly transactionData: string | null;
  readonly authMode: "record" | "record_allow_nonroot" | "enforce";
  /** Record credentials of the AddressV2 kind. @default false */
  readonly useUpgradedAuth?: boolean;
  /** Instructions to declare above what was measured, if more than the usual 50,000. @default 0 */
  readonly instructionLeeway?: number;
  /** 32 bytes, base64. It must differ per call: a repeated seed repeats the auth nonce. */
  readonly seed: string;
}

export type SimulateResult =
  | {
      readonly ok: true;
      readonly transactionData: string; // SorobanTransactionData, resource fee included
      readonly minResourceFee: string;
      readonly result: string | null; // ScVal; null for the TTL operations
      readonly auth: readonly string[]; // SorobanAuthorizationEntry
      readonly contractEvents: readonly string[]; // ContractEvent
      readonly diagnosticEvents: readonly string[]; // DiagnosticEvent
      readonly cpuInstructions: number;
      readonly memoryBytes: number;
      /**
       * What to restore first (SorobanTransactionData), else null. Only an extension of archived entries
       * has one: an invocation restores by itself what its `archivedSorobanEntries` name.
       */
      readonly restorePreamble: {
        readonly transactionData: string;
        readonly minResourceFee: string;
      } | null;
      readonly stateChanges: readonly {
        readonly key: string;
        readonly before: string | null;
        readonly after: string | null;
      }[];
    }
  | { readonly ok: false; readonly error: string; readonly diagnosticEvents: readonly string[] };

export interface ApplyRequest {
  readonly ledger: HostLedger;
  readonly operation: string; // OperationBody, one of the three Soroban operations
  readonly source: string; // AccountId of the operation's source: the invoker
  readonly transactionData: string; // SorobanTransactionData of the envelope
  readonly transactionSizeBytes: number; // of the signed envelope; priced
  readonly seed: string;
}

/** `nonRefundableFee`, `refundableFee` (rent and events really used) are stroops, priced with the settings. */
export type ApplyResult =
  | {
      readonly ok: true;
      readonly result: string | null; // ScVal
      readonly contractEvents: readonly string[];
      readonly diagnosticEvents: readonly string[];
      readonly changes: readonly HostEntry[]; // to be stored by the caller; TTL-only changes repeat the entry
      readonly cpuInstructions: number;
      readonly nonRefundableFee: number;
      readonly refundableFee: number;
      readonly rentFee: number;
    }
  | {
      readonly ok: false;
      /** Which operation result code a network would give. */
      readonly code:
        | "trapped"
        | "resource_limit_exceeded"
        | "entry_archived"
        | "insufficient_refundable_fee"
        | "malformed";
      readonly error: string;
      readonly diagnosticEvents: readonly string[];
      readonly cpuInstructions: number;
      readonly nonRefundableFee: number;
    };

/** What a transaction pays for its declared resources, before it is applied. */
export interface PriceRequest {
  readonly operation: string; // OperationBody
  readonly transactionData: string;
  readonly transactionSizeBytes: number;
}

/**
 * Every call throws when the request itself is wrong (text that is no XDR, no `configure` before), and
 * a `SorobanHostTrap` when the host broke down. Either way the next call finds the host as it was.
 */
export interface SorobanHost {
  readonly protocolVersion: number;
  configure(settings: HostSettings): void;
  put(entries: readonly HostEntry[]): void;
  simulate(request: SimulateRequest): SimulateResult;
  apply(request: ApplyRequest): ApplyResult;
  /** Stroops. A declared resource fee below this is refused before anything is applied. */
  nonRefundableFee(request: PriceRequest): number;
}

/** `op` of the module's `run`. */
const OP = { describe: 0, configure: 1, put: 2, simulate: 3, apply: 4, price: 5 } as const;

/** Opens the host. Without `wasm` it is the module that comes with this package. */
export function loadSorobanHost(wasm?: Uint8Array): SorobanHost {
  const open = openModule(wasm);
  const entries = new Map<string, HostEntry>();
  let settings: HostSettings | null = null;
  let current: HostModule | null = null;

  /** A trapped instance is never used again: the next call gets a new one with the same content. */
  function module(): HostModule {
    if (current !== null && !current.trapped()) return current;
    current = open();
    if (settings !== null) current.run(OP.configure, settings);
    if (entries.size > 0) current.run(OP.put, [...entries.values()]);
    return current;
  }

  const { protocolVersion } = module().run(OP.describe, null) as { protocolVersion: number };
  return {
    protocolVersion,
    configure(next) {
      module().run(OP.configure, next);
      settings = next;
    },
    put(changes) {
      module().run(OP.put, changes);
      for (const change of changes) {
        if (change.entry === null) entries.delete(change.key);
        else entries.set(change.key, change);
      }
    },
    simulate: (request) => module().run(OP.simulate, request) as SimulateResult,
    apply: (request) => module().run(OP.apply, request) as ApplyResult,
    nonRefundableFee(request) {
      const { nonRefundableFee } = module().run(OP.price, request) as { nonRefundableFee: number };
      return nonRefundableFee;
    },
  };
}
