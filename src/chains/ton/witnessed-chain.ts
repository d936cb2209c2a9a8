import type { Address } from "@ton/core";
import { done, failed, type Outcome, unknown } from "../../outcome.ts";
import { rawAddress } from "./addresses.ts";
import type { AccountState, Link, TonChain } from "./chain.ts";
import { isSameLink } from "./cursor.ts";
import { sameAnswer } from "./same-answer.ts";
import type { SeenState, Witness } from "./witness.ts";

export interface WitnessedChainOptions {
  readonly chain: TonChain;
  readonly witness: Witness;
  /** Told when the two say what cannot both be true; of the same thing once. */
  readonly onContradiction?: (what: string) => void;
}

/**
 * A chain whose servers are held against a witness, so that one source alone can neither invent, nor hide, nor age
 * anything that money hangs on; without the witness's word nothing is read.
 *
 * Checked: where an account's history ends, and at what time. Every transaction is named by the one after it, so that
 * a confirmed end confirms all before it, whoever tells it. What a contract holds at that end, unless the witness is
 * a block behind it. Get-methods whose answer never changes, which are those that name an account to be trusted.
 *
 * Not checked: balances and locks of jetton wallets, which may differ by a block. They are looked at before
 * something is signed, and decide whether it is worth trying: what the tokens really do is read from history. Nor
 * an account's code and TON, which decide about nothing but gas.
 */
export function openWitnessedChain(options: WitnessedChainOptions): TonChain {
  const { chain, witness } = options;
  const confirmed = new Map<string, Link>();
  const doubts = openDoubts(options);

  const isConfirmed = async (address: Address, head: Link): Promise<Outcome<boolean>> => {
    const known = confirmed.get(rawAddress(address));
    return known !== undefined && isSameLink(known, head) ? done(true) : witness.has(address, head);
  };
  const confirm = (address: Address, head: Link): void => {
    if (confirmed.size >= MAX_KEPT) confirmed.clear();
    confirmed.set(rawAddress(address), head);
  };

  /** Whether an account may be as it is told, by what the witness has seen of it before. */
  const judge = async (
    address: Address,
    seen: SeenState,
    told: AccountState,
  ): Promise<Outcome<null>> => {
    const verdict = compareStates(seen, told);
    if (verdict.kind === "contradiction") return doubts.raise(rawAddress(address), verdict.what);
    if (verdict.kind === "behind") return failed(BEHIND, "retry");
    if (verdict.kind === "same") return done(null);
    const has = await isConfirmed(address, told.head);
    if (has.kind !== "done") return unwitnessed(has.reason);
    return has.value ? done(null) : failed(UNCONFIRMED, "retry");
  };

  return {
    async state(address) {
      // First, so that what the witness has seen is what the other one must have.
      const seen = await witness.state(address);
      if (seen.kind !== "done") return unwitnessed(seen.reason);
      const judgements: Outcome<null>[] = [];
      // A server that lags or lies is passed over while another one does neither.
      const told = await chain.state(address, async (state) => {
        const judgement = await judge(address, seen.value, state);
        judgements.push(judgement);
        return judgement.kind === "done";
      });
      if (told.kind !== "done") return told;
      const judged = judgements.at(-1);
      if (judged !== undefined && judged.kind !== "done") return judged;
      doubts.settle(rawAddress(address));
      confirm(address, told.value.head);
      const chainTimeMs = Math.min(seen.value.chainTimeMs, told.value.chainTimeMs);
      return done({ ...told.value, chainTimeMs });
    },
    transactions: (address, from, limit) => chain.transactions(address, from, limit),
    async run(address, method, stack = []) {
      if (!CONSTANT_METHODS.has(method)) return chain.run(address, method, stack);
      const [seen, told] = await Promise.all([
        witness.run(address, method, stack),
        chain.run(address, method, stack),
      ]);
      if (seen.kind !== "done") return unwitnessed(seen.reason);
      if (told.kind !== "done") return told;
      const about = `${method} of ${rawAddress(address)}`;
      const answer = sameAnswer(told.value, seen.value);
      if (answer === null) return doubts.raise(about, "the answers are not the same");
      doubts.settle(about);
      return done(answer);
    },
    async send(boc) {
      // Twice does no harm: a contract takes a message once.
      const sent = await Promise.all([chain.send(boc), witness.send(boc)]);
      if (sent.some(({ kind }) => kind === "done")) return done(null);
      const reason = sent.flatMap((one) => (one.kind === "done" ? [] : one.reason)).join("; ");
      const isUnknown = sent.some(({ kind }) => kind === "unknown");
      return isUnknown ? unknown(reason) : failed(reason, "retry");
    },
    contradiction: () => doubts.standing(),
  };
}

/** Bounds the memory; strangers bring accounts along. */
const MAX_KEPT = 10_000;
/** What they answer to the same question is the same for ever. */
const CONSTANT_METHODS: ReadonlySet<string> = new Set(["get_wallet_address"]);

const BEHIND = "a server of RPC is behind the LiteServers, or hides transactions";
const UNCONFIRMED =
  "no LiteServer knows the account's last transaction: it is behind, or there is none";

function unwitnessed(reason: string): Outcome<never> {
  return failed(`no LiteServer confirms it: ${reason}`, "retry");
}

type Verdict =
  | { readonly kind: "same" | "behind" }
  /** The witness has not said yet that there is such a transaction. */
  | { readonly kind: "newer" }
  | { readonly kind: "contradiction"; readonly what: string };

/** @param seen By the witness, before the chain's servers were asked. */
function compareStates(seen: SeenState, told: AccountState): Verdict {
  if (told.head.lt < seen.head.lt) return { kind: "behind" };
  if (told.head.lt > seen.head.lt) return { kind: "newer" };
  if (told.head.hash !== seen.head.hash)
    return { kind: "contradiction", what: `another transaction at ${seen.head.lt}` };
  // It changes in transactions only.
  if (seen.data !== "unreadable" && hashOf(seen.data) !== hashOf(told.data))
    return { kind: "contradiction", what: `other contents after ${seen.head.lt}` };
  return { kind: "same" };
}

function hashOf(cell: AccountState["data"]): string | null {
  return cell?.hash().toString("hex") ?? null;
}

/** What the two contradict each other in, for those who must be told. */
interface Doubts {
  raise(about: string, what: string): Outcome<never>;
  /** They agree about this. */
  settle(about: string): void;
  standing(): string | null;
}

function openDoubts({ onContradiction }: WitnessedChainOptions): Doubts {
  let standing: { readonly about: string; readonly text: string } | null = null;
  const told = new Set<string>();
  return {
    raise(about, what) {
      const text = `RPC and LITESERVERS contradict each other about ${about}: ${what}`;
      if (!told.has(text)) onContradiction?.(text);
      if (told.size >= MAX_KEPT) told.clear();
      told.add(text);
      standing = { about, text };
      return failed(text, "retry");
    },
    settle(about) {
      if (standing?.about === about) standing = null;
    },
    standing: () => standing?.text ?? null,
  };
}
