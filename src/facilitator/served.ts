import type { PaymentTerms, X402Scheme } from "../rails/rail.ts";

/** One way of paying that this facilitator carries out for others, on one network. */
export interface ServedScheme {
  /** "exact" */
  readonly scheme: string;
  /** CAIP-2: "eip155:137". */
  readonly network: string;
  /** The network's name in x402 version 1 ("polygon"); null where version 1 has none. */
  readonly networkV1: string | null;
  /** What `GET /supported` files the signers under: "eip155:*". */
  readonly family: string;
  /** Addresses that send the transactions. */
  readonly signers: readonly string[];
  readonly x402: X402Scheme;
}

/** A payment that somebody asks about: what was signed, and what it has to fit. */
export interface Asked {
  readonly version: 1 | 2;
  readonly payload: unknown;
  readonly terms: PaymentTerms;
  readonly served: ServedScheme;
}

/** The body of `GET /supported`. */
export function supportedBody(schemes: readonly ServedScheme[]): object {
  const kinds = schemes.flatMap(({ scheme, network, networkV1 }) => [
    { x402Version: 2, scheme, network },
    ...(networkV1 === null ? [] : [{ x402Version: 1, scheme, network: networkV1 }]),
  ]);
  const signers: Record<string, readonly string[]> = {};
  for (const { family, signers: own } of schemes)
    signers[family] = [...new Set([...(signers[family] ?? []), ...own])];
  return { kinds, extensions: [], signers };
}
