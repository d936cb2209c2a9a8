import type { PaymentOption } from "#wire";
import type { X402TermsV1 } from "#wire/x402";
import type { JsonObject } from "../../json.ts";
import type { Order } from "../../orders/order.ts";
import type { PaymentTerms } from "../../rails/rail.ts";

/** The `type` of instructions that are x402 terms and nothing else: `{ type, network, accepts }`. */
const TYPE = "x402";

/**
 * What the order's payer may choose from, as it was stored when the order was made. Clients echo an entry, and
 * one that was computed again could differ from what they echo.
 */
export function storedTerms(order: Pick<Order, "instructions">): readonly PaymentTerms[] {
  return order.instructions.flatMap(
    ({ accepts }) => (accepts ?? []) as unknown as readonly PaymentTerms[],
  );
}

/** The ways to pay without x402, as their rails gave them; one that can be paid either way lists its terms apart. */
export function depositOptions(order: Pick<Order, "instructions">): readonly PaymentOption[] {
  return order.instructions
    .filter(({ type }) => type !== TYPE)
    .map(({ accepts: _terms, ...plain }) => plain) as unknown as readonly PaymentOption[];
}

/**
 * The names that version 1 has for networks (`EVM_NETWORK_CHAIN_ID_MAP` of @x402/evm 2.27.0), by their CAIP-2
 * id.
 */
const V1_NAMES: Readonly<Record<string, string>> = {
  "eip155:14": "flare",
  "eip155:137": "polygon",
  "eip155:143": "monad",
  "eip155:988": "stable",
  "eip155:1328": "sei-testnet",
  "eip155:1329": "sei",
  "eip155:1514": "story",
  "eip155:2201": "stable-testnet",
  "eip155:2741": "abstract",
  "eip155:3338": "peaq",
  "eip155:4326": "megaeth",
  "eip155:4689": "iotex",
  "eip155:8453": "base",
  "eip155:11124": "abstract-testnet",
  "eip155:41923": "educhain",
  "eip155:42220": "celo",
  "eip155:43113": "avalanche-fuji",
  "eip155:43114": "avalanche",
  "eip155:80002": "polygon-amoy",
  "eip155:84532": "base-sepolia",
  "eip155:324705682": "skale-base-sepolia",
};

/** "polygon" for "eip155:137"; null when version 1 has no name for the network. */
export function v1NetworkOf(network: string): string | null {
  return V1_NAMES[network] ?? null;
}

/** What is paid for, as version 1 says it with every entry. */
export interface V1Resource {
  readonly resource: string;
  readonly description: string;
  readonly mimeType: string;
  readonly outputSchema: JsonObject | null;
}

/** The entry in the form of version 1, which knows signed transfers (EIP-3009) alone; null: it has no form there. */
export function v1TermsOf(terms: PaymentTerms, about: V1Resource): X402TermsV1 | null {
  const network = v1NetworkOf(terms.network);
  const method = terms.extra["assetTransferMethod"] ?? "eip3009";
  if (network === null || terms.scheme !== "exact" || method !== "eip3009") return null;
  return {
    scheme: terms.scheme,
    network,
    maxAmountRequired: terms.amount,
    ...about,
    payTo: terms.payTo,
    maxTimeoutSeconds: terms.maxTimeoutSeconds,
    asset: terms.asset,
    extra: terms.extra,
  };
}
