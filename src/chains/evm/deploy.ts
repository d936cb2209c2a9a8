import { type Address, concat, type Hex } from "viem";
import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import {
  CREATE2_DEPLOYER,
  DEPLOY_SALT,
  type Deployable,
  depositContracts,
} from "./deposit-contracts.ts";
import { readTip } from "./finality.ts";
import { type Keeper, openKeeper } from "./keeper.ts";
import type { Purse } from "./payout.ts";

export interface DeployStep {
  readonly what: "forwarder" | "factory";
  readonly address: Address;
  /** "there": nothing was sent. */
  readonly state: "there" | "deployed";
}

export interface Deployed {
  readonly factory: Address;
  readonly forwarder: Address;
  /** No order can have been paid in an earlier block. */
  readonly startBlock: number;
}

export interface DeployOptions {
  /** Pays the gas; gets no right by it. */
  readonly deployerKey: Hex;
  readonly clock: Clock;
  readonly onStep?: (step: DeployStep) => void;
}

/**
 * Puts the contracts behind a treasury's deposit addresses on its chain. Whoever runs it, and however often, ends with
 * the same contracts at the same addresses.
 */
export async function deployDepositContracts(
  purse: Purse,
  { deployerKey, clock, onStep }: DeployOptions,
): Promise<Outcome<Deployed>> {
  const { client, config } = purse;
  const read = await client.read(async (server) => {
    const [deployer, tip] = await Promise.all([
      server.getCode({ address: CREATE2_DEPLOYER }),
      readTip(server, config.finality),
    ]);
    return { hasDeployer: deployer !== undefined, startBlock: tip.final.number };
  });
  if (read.kind !== "done") return read;
  if (!read.value.hasDeployer) {
    const where = "github.com/Arachnid/deterministic-deployment-proxy";
    return failed(
      `chain ${config.chainId} has no CREATE2 deployer at ${CREATE2_DEPLOYER}: see ${where}`,
      "final",
    );
  }
  const keeper = openKeeper(purse, deployerKey, clock);
  const contracts = depositContracts(config.treasury);
  // In this order: a factory refuses to be made for a forwarder that is not there.
  for (const what of ["forwarder", "factory"] as const) {
    const state = await deployOne(purse, keeper, contracts[what]);
    if (state.kind !== "done") return { ...state, reason: `${what}: ${state.reason}` };
    onStep?.({ what, address: contracts[what].address, state: state.value });
  }
  const { factory, forwarder } = contracts;
  const { startBlock } = read.value;
  return done({ factory: factory.address, forwarder: forwarder.address, startBlock });
}

const { signal: NEVER } = new AbortController();

async function deployOne(
  { client }: Purse,
  keeper: Keeper,
  { address, initCode }: Deployable,
): Promise<Outcome<DeployStep["state"]>> {
  const code = (): Promise<Outcome<Hex | undefined>> =>
    client.read((server) => server.getCode({ address }));
  const before = await code();
  if (before.kind !== "done") return before;
  if (before.value !== undefined) return done("there");
  const call = { to: CREATE2_DEPLOYER, data: concat([DEPLOY_SALT, initCode]) };
  const gas = await keeper.estimate(call);
  if (gas.kind !== "done") return gas;
  const sent = await keeper.send(call, gas.value, NEVER);
  if (sent.kind !== "done") return sent;
  const after = await code();
  if (after.kind !== "done") return after;
  if (after.value !== undefined) return done("deployed");
  return failed(`${sent.value.txId} landed, but nothing is at ${address}`, "retry");
}
