import type { Outcome } from "../outcome.ts";

/** One price as one source tells it. */
export interface PriceReading {
  /** USD per whole unit with 6 decimals, rounded down: what is left over is the shop's, never the payer's. */
  readonly usdMicroPerUnit: bigint;
  /** When the source saw this price: its own time where it tells one, else the time of its answer. */
  readonly atMs: number;
}

/** Somebody who knows the price of one asset. */
export interface PriceSource {
  /** "coinbase", "kraken", "sep40:CALI…" */
  readonly id: string;
  /** Never rejects; `failed` when there is no price to be had from it now. */
  read(signal: AbortSignal): Promise<Outcome<PriceReading>>;
}
