import { privateKeyToAddress } from "viem/accounts";
import { checkChain, checkGas, fatal, warning } from "../../chains/evm/check.ts";
import type { DepositContracts } from "../../chains/evm/deposit-contracts.ts";
import type { Purse } from "../../chains/evm/payout.ts";
import type { RailProblem } from "../rail.ts";
import { MULTICALL } from "./sweep.ts";

/** What the chain's rails need, and what deposit addresses need besides. */
export async function checkRail(
  purse: Purse,
  contracts: DepositContracts,
  cursor: string | null,
): Promise<readonly RailProblem[]> {
  const chain = await checkChain(purse, cursor);
  if (chain.some(({ severity }) => severity === "fatal")) return chain;
  const { keeperKey } = purse.config;
  const keeper =
    keeperKey === null ? [] : await checkGas(purse, "the keeper", privateKeyToAddress(keeperKey));
  return [...chain, ...(await checkContracts(purse, contracts)), ...keeper];
}

/** Their addresses follow from their code, so it is enough that something lies there. */
async function checkContracts(
  { client, config }: Purse,
  { factory, forwarder }: DepositContracts,
): Promise<readonly RailProblem[]> {
  const codes = await client.read((server) =>
    Promise.all(
      [factory.address, forwarder.address, MULTICALL].map((address) => server.getCode({ address })),
    ),
  );
  if (codes.kind !== "done")
    return [
      warning(`the deposit factory could not be read: ${codes.reason}`, "Check the RPC servers."),
    ];
  const [factoryCode, forwarderCode, multicallCode] = codes.value;
  const problems: RailProblem[] = [];
  if (multicallCode === undefined) {
    const what = `Multicall3 is not at ${MULTICALL}: deposit addresses can not be swept`;
    problems.push(
      warning(what, "Empty them by hand (`flush` of the factory), or use another chain."),
    );
  }
  if (factoryCode !== undefined && forwarderCode !== undefined) return problems;
  const what = `the deposit factory ${factory.address} is not on ${config.network.name}`;
  return [
    ...problems,
    fatal(what, "Deploy it with `vend402 deploy evm`: until then nobody can empty an address."),
  ];
}
