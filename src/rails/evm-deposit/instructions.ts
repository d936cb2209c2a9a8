import { formatDecimal } from "../../money.ts";
import { type DepositContracts, depositAddress } from "../../chains/evm/deposit-contracts.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { PayableOrder } from "../rail.ts";

/** The wire form of "send this much of one of these to this address". */
export type DepositInstructions = Readonly<{
  type: "evm_deposit";
  /** CAIP-2: "eip155:137". */
  network: string;
  chain_id: number;
  /** The order's own: whatever is sent here is for this order. */
  address: string;
  /** The contract that this address belongs to; `addressOf(deposit_id)` answers the address. */
  factory: string;
  deposit_id: string;
  /** One of these, in full. */
  assets: readonly Readonly<{
    symbol: string;
    /** The token's contract. */
    contract: string;
    decimals: number;
    /** Decimal text: "12.34". */
    amount: string;
    /** Base units. */
    amount_atomic: string;
    expires_at: string;
  }>[];
}>;

/** Null when the order has no leg in a token of the chain. */
export function writeInstructions(
  { caip2, chainId, tokens }: Pick<EvmConfig, "caip2" | "chainId" | "tokens">,
  contracts: DepositContracts,
  deposit: { readonly order: PayableOrder; readonly id: string },
): DepositInstructions | null {
  const { order, id } = deposit;
  const assets = tokens.flatMap(({ asset, address }) => {
    const leg = order.legs.find(({ amount }) => amount.asset.id === asset.id);
    if (leg === undefined) return [];
    const { symbol, decimals } = asset;
    return {
      symbol,
      contract: address,
      decimals,
      amount: formatDecimal(leg.amount.atomic, decimals, 2),
      amount_atomic: leg.amount.atomic.toString(),
      expires_at: new Date(leg.expiresAtMs).toISOString(),
    };
  });
  if (assets.length === 0) return null;
  return {
    type: "evm_deposit",
    network: caip2,
    chain_id: chainId,
    address: depositAddress(contracts, order.id),
    factory: contracts.factory.address,
    deposit_id: id,
    assets,
  };
}
