import type { RpcLog } from "viem";
import type { SeenTransfer } from "../../chains/evm/pages.ts";
import { EXACT_PROXY, wordOf, type Hex, type SignedPromise } from "./promise.ts";
import { authorizationRef } from "./read.ts";
import type { TransactionFacts } from "./transaction.ts";

/** keccak256("AuthorizationUsed(address,bytes32)") of EIP-3009. */
const AUTHORIZATION_USED: Hex =
  "0x98de503528ee59b575ef0c0a2576a82497bfc029a5685b209e9ec333479b10a5";

/**
 * Which promise each transfer carried out, by name; null for a plain transfer. A token says so itself (EIP-3009);
 * a transfer through Permit2 is recognised by the call of x402's proxy.
 * @param transfers Of one transaction, in chain order.
 * @param spent What `permitsOf` finds in the transaction, less what was not spent.
 */
export function refsOf(
  caip2: string,
  transfers: readonly SeenTransfer[],
  { logs }: TransactionFacts,
  spent: readonly SpentPermit[],
): readonly (string | null)[] {
  const used = usedIn(logs);
  const permits = [...spent];
  return transfers.map((transfer) => {
    const token = tokenOf(transfer);
    const from = transfer.from.toLowerCase() as Hex;
    // The nearest one before the transfer: a token tells of the promise first.
    const at = used.findLastIndex(
      (one) => one.token === token && one.from === from && one.logIndex < transfer.logIndex,
    );
    const [own] = at < 0 ? [] : used.splice(at, 1);
    if (own !== undefined) return authorizationRef(caip2, { method: "eip3009", ...own });
    const permit = permits.findIndex(
      (one) =>
        one.token === token &&
        one.from === from &&
        one.to === transfer.to.toLowerCase() &&
        one.atomic === transfer.amount.atomic,
    );
    const [found] = permit < 0 ? [] : permits.splice(permit, 1);
    return found === undefined ? null : authorizationRef(caip2, { method: "permit2", ...found });
  });
}

/** Whether a transaction, which holds the promise's transfer, also spends the promise's nonce. */
export function carriesOut(promise: SignedPromise, facts: TransactionFacts): boolean {
  const { method, token, from, nonce } = promise;
  const spent = method === "eip3009" ? usedIn(facts.logs) : permitsOf(facts);
  return spent.some((one) => one.token === token && one.from === from && one.nonce === nonce);
}

interface UsedPromise {
  readonly token: Hex;
  readonly from: Hex;
  readonly nonce: Hex;
  readonly logIndex: number;
}

function usedIn(logs: readonly RpcLog[]): UsedPromise[] {
  return logs.flatMap(({ address, topics, logIndex }) => {
    const [event, payer, nonce] = topics;
    if (event !== AUTHORIZATION_USED || payer === undefined || nonce === undefined) return [];
    const from: Hex = `0x${payer.slice(-40).toLowerCase()}`;
    const token = address.toLowerCase() as Hex;
    return [{ token, from, nonce: nonce.toLowerCase() as Hex, logIndex: Number(logIndex) }];
  });
}

export interface SpentPermit {
  readonly token: Hex;
  readonly from: Hex;
  readonly to: string;
  readonly atomic: bigint;
  readonly nonce: Hex;
}

/** Selectors of `settle` and `settleWithPermit`, and how many words the latter has before what they share. */
const SETTLE_CALLS = [
  { selector: "13cd3b53", wordsBefore: 0 },
  { selector: "fa340378", wordsBefore: 5 },
] as const;
const WORD = 64;
/** token, amount, nonce, deadline, owner, payee */
const SHARED_WORDS = 6;

/** Whether `permitsOf` can be taken at its word: anybody can write a call into a bundle that is never made. */
export function isDirect({ to }: TransactionFacts): boolean {
  return to?.toLowerCase() === EXACT_PROXY;
}

/** What calls of x402's proxy spend: the transaction itself, or, inside a bundle, whatever has the form of one. */
export function permitsOf(facts: TransactionFacts): readonly SpentPermit[] {
  const hex = facts.input.slice(2).toLowerCase();
  return SETTLE_CALLS.flatMap(({ selector, wordsBefore }) => {
    const found: SpentPermit[] = [];
    for (let at = hex.indexOf(selector); at >= 0; at = hex.indexOf(selector, at + 1)) {
      if (isDirect(facts) && at > 0) break;
      // A byte is two digits.
      if (at % 2 !== 0) continue;
      const start = at + selector.length + wordsBefore * WORD;
      const text = hex.slice(start, start + SHARED_WORDS * WORD);
      if (text.length === SHARED_WORDS * WORD) found.push(permitOf(text));
    }
    return found;
  });
}

function permitOf(words: string): SpentPermit {
  const word = (index: number): string => words.slice(index * WORD, (index + 1) * WORD);
  const address = (index: number): Hex => `0x${word(index).slice(-40)}`;
  return {
    token: address(0),
    from: address(4),
    to: address(5),
    atomic: BigInt(`0x${word(1)}`),
    nonce: wordOf(BigInt(`0x${word(2)}`)),
  };
}

/** "eip155:137/erc20:0x…" */
function tokenOf({ amount }: SeenTransfer): Hex {
  const { id } = amount.asset;
  return id.slice(id.lastIndexOf(":") + 1) as Hex;
}
