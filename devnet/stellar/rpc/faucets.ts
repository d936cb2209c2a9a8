import { StrKey } from "@stellar/stellar-sdk";
import type { StellarChain } from "../chain.ts";
import { accountExists, fundAccounts } from "../friendbot.ts";
import type { TransactionRecord } from "../history/records.ts";
import { contractExists, fundContract, giveTestAsset, type TestAsset } from "../setup.ts";
import { type HttpAnswer, problem } from "./http.ts";

/** Both work in a ledger of their own, at once: nobody waits for the next one to close. */
export function answerFriendbot(chain: StellarChain, address: string): HttpAnswer {
  if (StrKey.isValidContract(address)) return answerForContract(chain, address);
  if (!StrKey.isValidEd25519PublicKey(address)) {
    return problem(400, `addr is not the address of an account or a contract: ${address}`);
  }
  if (accountExists(chain, address)) {
    return problem(400, "createAccountAlreadyExist (the account is funded already)");
  }
  return done(fundAccounts(chain, [address]));
}

function answerForContract(chain: StellarChain, contractId: string): HttpAnswer {
  if (!contractExists(chain, contractId)) return problem(400, `no contract ${contractId}`);
  return done(fundContract(chain, contractId));
}

/** Gives of the test asset to an account that trusts it. `amount` is in units, 100 if missing. */
export function answerFaucet(
  chain: StellarChain,
  testAsset: TestAsset | null,
  query: URLSearchParams,
): HttpAnswer {
  if (!testAsset) return problem(404, "this network has no test asset");
  const address = query.get("addr") ?? "";
  const amount = query.get("amount") ?? "100";
  if (!StrKey.isValidEd25519PublicKey(address)) {
    return problem(400, `addr is not an account address: ${address}`);
  }
  try {
    return done(giveTestAsset(chain, testAsset, address, amount));
  } catch (error) {
    return problem(400, `${String(error)}: does the account exist, and trust the asset?`);
  }
}

function done(record: TransactionRecord | null): HttpAnswer {
  return {
    status: 200,
    body: {
      successful: true,
      hash: record?.hash,
      ledger: record?.ledger,
      envelope_xdr: record?.envelope,
      result_xdr: record?.result,
      result_meta_xdr: record?.meta,
    },
  };
}
