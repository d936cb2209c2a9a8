import { WalletContractV4, WalletContractV5R1 } from "@ton/ton";
import { Address } from "@ton/core";
import type { TonChain } from "../../chains/ton/chain.ts";
import type { TonConfig } from "../../chains/ton/settings.ts";
import { done, type Outcome } from "../../outcome.ts";

/** The code of wallets that people and agents have; exchanges, shops and swaps use others as a rule. */
const PERSONAL = new Set(
  [WalletContractV4, WalletContractV5R1].map((kind) => {
    const { init } = kind.create({ workchain: 0, publicKey: Buffer.alloc(32) });
    return init.code.hash().toString("hex");
  }),
);

/**
 * Whether money that is sent back to a payer reaches who has paid. Nothing can be attached to a transfer to an
 * address, which is why exchanges pay there: only a personal wallet that is no known exchange's is safe.
 */
export async function isSafePayer(
  chain: TonChain,
  { exchanges }: Pick<TonConfig, "exchanges">,
  from: string,
): Promise<Outcome<boolean>> {
  if (exchanges.has(from)) return done(false);
  const state = await chain.state(Address.parseRaw(from));
  if (state.kind !== "done") return state;
  const { code } = state.value;
  return done(code !== null && PERSONAL.has(code.hash().toString("hex")));
}
