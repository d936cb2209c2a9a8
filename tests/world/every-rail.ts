/**
 * A shop that sells everything and is paid everywhere: on Stellar, by x402 and deposits on an EVM chain, and on TON,
 * where a LiteServer confirms what is read.
 */
import { startEsimSupplier, type EsimSupplier } from "../../devnet/suppliers/index.ts";
import { openTonStage, type TonStage } from "../fixtures/ton-stage.ts";
import { esimEnvironment, startEvmNetwork, type EvmNetwork } from "./evm-world.ts";
import type { Environment } from "./shop-process.ts";
import { createWorld, type World } from "./world.ts";

export interface EveryRail {
  readonly world: World;
  readonly evm: EvmNetwork;
  readonly ton: TonStage;
  readonly wholesaler: EsimSupplier;
  close(): Promise<void>;
}

export interface EveryRailOptions {
  /** Between blocks and ledgers, on every chain. */
  readonly blockTimeMs: number;
  readonly supplierSpeed: number;
  readonly env?: Environment;
}

/** The treasury on TON has so many base units for refunds. */
const TON_FLOAT_ATOMIC = 100_000_000_000n;

export async function openEveryRail(options: EveryRailOptions): Promise<EveryRail> {
  const { blockTimeMs, supplierSpeed: speed } = options;
  const [evm, ton, wholesaler] = await Promise.all([
    startEvmNetwork(blockTimeMs),
    openTonStage({ blockTimeMs, treasuryAtomic: TON_FLOAT_ATOMIC, isWitnessed: true }),
    startEsimSupplier({ speed, seed: "every rail" }),
  ]);
  const world = await createWorld({
    closeEveryMs: blockTimeMs,
    supplier: { speed, seed: "every rail" },
    env: {
      ...evm.env,
      ...(await tonEnvironment(ton)),
      ...esimEnvironment(wholesaler),
      VEND402_WALK_IN_READS_PER_MINUTE: "1000000",
      VEND402_WALK_IN_ORDERS_PER_MINUTE: "1000000",
      VEND402_WALK_IN_PAYMENTS_PER_MINUTE: "1000000",
      ...options.env,
    },
  });
  return {
    world,
    evm,
    ton,
    wholesaler,
    close: async () => {
      try {
        await world.close();
      } finally {
        await Promise.all([evm.close(), ton.close(), wholesaler.close()]);
      }
    },
  };
}

/** The shop reads from behind the treasury's float, which came out of nothing and is nobody's payment. */
async function tonEnvironment(stage: TonStage): Promise<Environment> {
  const { lastTransaction } = await stage.client.getContractState(stage.account);
  const START_LT = (BigInt(lastTransaction?.lt ?? "0") + 1n).toString();
  return Object.fromEntries(
    Object.entries(stage.texts({ START_LT })).map(([name, text]) => [`VEND402_TON_${name}`, text]),
  );
}
