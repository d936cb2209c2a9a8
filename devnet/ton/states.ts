import type { ShardAccount } from "@ton/core";
import { ApiError } from "./api-error.ts";

/** What accounts looked like after past blocks. */
export interface States {
  /** @param account Raw address. */
  keep(account: string, seqno: number, state: ShardAccount): void;
  /** As of the end of a block; null before the account's first transaction. @throws ApiError if it is forgotten */
  at(account: string, seqno: number): ShardAccount | null;
}

interface Version {
  readonly seqno: number;
  readonly state: ShardAccount;
}

interface Past {
  /** Oldest first; never empty. */
  readonly versions: Version[];
  /** There were older ones. */
  isCut: boolean;
}

/** Keeps each account's newest state, and so many of all that were replaced. */
export function createStates(mostReplaced: number): States {
  const accounts = new Map<string, Past>();
  /** Whose versions were replaced, in that order. */
  const replaced: Past[] = [];
  return {
    keep(account, seqno, state) {
      const past = accounts.get(account);
      if (!past) {
        accounts.set(account, { versions: [{ seqno, state }], isCut: false });
        return;
      }
      past.versions.push({ seqno, state });
      replaced.push(past);
      if (replaced.length <= mostReplaced) return;
      const oldest = replaced.shift();
      oldest?.versions.shift();
      if (oldest) oldest.isCut = true;
    },
    at(account, seqno) {
      const past = accounts.get(account);
      const version = past?.versions.findLast((one) => one.seqno <= seqno);
      if (version) return version.state;
      if (past?.isCut) throw new ApiError(500, "LITE_SERVER_NOTREADY: state already gc'd");
      return null;
    },
  };
}
