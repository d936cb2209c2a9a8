import { evmDeposit } from "./evm-deposit/index.ts";
import { evmX402 } from "./evm-x402/index.ts";
import { tonDeposit } from "./ton-deposit/index.ts";
import { tonJetton } from "./ton-jetton/index.ts";
import { stellarContract } from "./stellar-contract/index.ts";

/** Every way of being paid, by its kind: one line per rail. */
export const rails = {
  "stellar-contract": stellarContract,
  "evm-x402": evmX402,
  "evm-deposit": evmDeposit,
  "ton-jetton": tonJetton,
  "ton-deposit": tonDeposit,
} as const;
