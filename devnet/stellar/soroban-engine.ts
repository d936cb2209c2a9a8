import type { LedgerState } from "./ledger/state.ts";
import type {
  ApplyRequest,
  ApplyResult,
  HostSettings,
  PriceRequest,
  SimulateRequest,
  SimulateResult,
  SorobanHost,
} from "./soroban-host.ts";

/** The host bound to the ledger: its copy of the entries is brought up to date before every call. */
export interface SorobanEngine {
  readonly protocolVersion: number;
  simulate(request: SimulateRequest): SimulateResult;
  apply(request: ApplyRequest): ApplyResult;
  /** Stroops for what a transaction declares, never given back; null where it makes no sense. */
  nonRefundableFee(request: PriceRequest): bigint | null;
}

/** A host that breaks down or refuses the request is a failed call, not a stopped chain. */
export function createSorobanEngine(
  host: SorobanHost,
  settings: HostSettings,
  state: LedgerState,
): SorobanEngine {
  host.configure(settings);

  function update(): void {
    const unread = state.takeUnread();
    if (unread.length > 0) host.put(unread);
  }

  return {
    protocolVersion: host.protocolVersion,
    simulate(request) {
      update();
      try {
        return host.simulate(request);
      } catch (cause) {
        return { ok: false, error: String(cause), diagnosticEvents: [] };
      }
    },
    apply(request) {
      update();
      try {
        return host.apply(request);
      } catch (cause) {
        const error = String(cause);
        const nothing = { diagnosticEvents: [], cpuInstructions: 0, nonRefundableFee: 0 };
        return { ok: false, code: "trapped", error, ...nothing };
      }
    },
    nonRefundableFee(request) {
      try {
        return BigInt(host.nonRefundableFee(request));
      } catch {
        // The operation or its data is not what the host can price: the caller calls it invalid.
        return null;
      }
    },
  };
}
