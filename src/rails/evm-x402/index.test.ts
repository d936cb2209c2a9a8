import { railContract } from "../../../tests/contracts/rail.ts";
import { type EvmRailUnderTest, openEvmBench } from "../../../tests/fixtures/evm-bench.ts";
import type { DepositsRead } from "../rail.ts";
import { aheadMsOf, newPayer, openOn } from "./test-payer.ts";

/** Payments carry no order on chain: the suite's names are given back by the promise that a deposit carries out. */
function railUnderTest(): EvmRailUnderTest {
  const orderOf = new Map<string, string>();
  const named = (read: DepositsRead): DepositsRead => {
    if (read.kind !== "done") return read;
    const deposits = read.value.deposits.map((deposit) => ({
      ...deposit,
      orderRef: orderOf.get(deposit.authorizationRef ?? "") ?? "",
    }));
    return { ...read, value: { ...read.value, deposits } };
  };
  return {
    open(stage, tuning) {
      const { rail } = openOn(stage, { tuning });
      const readDeposits = async (...args: Parameters<typeof rail.readDeposits>) =>
        named(await rail.readDeposits(...args));
      return { ...rail, readDeposits };
    },
    async pay(stage, { symbol, atomic, orderRef }) {
      const payer = await newPayer(stage, atomic);
      const { rail, promise } = openOn(stage, { aheadMs: await aheadMsOf(stage) });
      const authorization = await promise({
        symbol: symbol === "USDC" ? "USDC" : "USDT",
        atomic,
        payer,
      });
      orderOf.set(authorization.ref, orderRef);
      const settled = await rail.x402.settle(authorization);
      if (settled.kind !== "done") throw new Error(settled.reason);
      await stage.devnet.mine();
      return { txId: settled.value.txId ?? "", from: payer.address };
    },
    oddTarget: (stage) => stage.treasury.address,
  };
}

railContract("evm-x402", async () => ({
  ...(await openEvmBench(railUnderTest())),
  isPaidToTreasury: true,
}));
