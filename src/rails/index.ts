import { stellarContract } from "./stellar-contract/index.ts";

/** Every way of being paid, by its kind: one line per rail. */
export const rails = {
  "stellar-contract": stellarContract,
} as const;
