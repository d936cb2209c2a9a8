import type { EvmClient } from "../../chains/evm/client.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import { carryingCall, type Call } from "./calls.ts";
import { wordOf, type Hex, type SignedPromise } from "./promise.ts";

/** Asks the chain whether promises would be carried out now. */
export interface Simulations {
  /** `failed` for good: the contracts turn it down; worth repeating: nobody could be asked. Changes nothing. */
  run(promise: SignedPromise): Promise<Outcome<null>>;
}

/** Multicall3, at this address on every chain (github.com/mds1/multicall3). */
const MULTICALL3: Hex = "0xca11bde05977b3631167028862be2a173976ca11";
/** aggregate3((address,bool,bytes)[]) */
const AGGREGATE = "0x82ad56cb";
/** At 80,000 gas each far below what servers allow for one call. */
const MAX_TOGETHER = 40;

interface Waiting {
  readonly promise: SignedPromise;
  readonly call: Call;
  readonly resolve: (outcome: Outcome<null>) => void;
}

/**
 * Promises that are checked at the same time share one call of the chain. One that fails there is asked about alone,
 * since another one of the same call may have been the cause.
 */
export function createSimulations(client: EvmClient): Simulations {
  let waiting: Waiting[] = [];

  const flush = (): void => {
    const all = waiting;
    waiting = [];
    for (const group of independentGroups(all)) void runGroup(client, group);
  };

  return {
    run: (promise) =>
      new Promise((resolve) => {
        if (waiting.length === 0) setImmediate(flush);
        waiting.push({ promise, call: carryingCall(promise), resolve });
      }),
  };
}

type Party = "payer" | "payee";

/** Groups in which nobody's balance depends on another member. */
function independentGroups(all: readonly Waiting[]): readonly (readonly Waiting[])[] {
  const groups: {
    readonly members: Waiting[];
    readonly parties: Map<string, Party>;
  }[] = [];
  for (const one of all) {
    const { from, to } = one.promise;
    const fits = groups.find(
      ({ members, parties }) =>
        members.length < MAX_TOGETHER && !parties.has(from) && parties.get(to) !== "payer",
    );
    const group = fits ?? { members: [] as Waiting[], parties: new Map<string, Party>() };
    if (fits === undefined) groups.push(group);
    group.members.push(one);
    group.parties.set(from, "payer").set(to, "payee");
  }
  return groups.map(({ members }) => members);
}

/** Never rejects. */
async function runGroup(client: EvmClient, group: readonly Waiting[]): Promise<void> {
  const [first] = group;
  if (first === undefined) return;
  if (group.length === 1) return first.resolve(await runAlone(client, first.call));
  const together = { to: MULTICALL3, data: aggregate(group.map(({ call }) => call)) };
  const answer = await ask(client, together);
  if (answer.kind === "failed" && answer.retryable) {
    for (const { resolve } of group) resolve(answer);
    return;
  }
  const successes = answer.kind === "done" ? successesIn(answer.value, group.length) : [];
  await Promise.all(
    group.map(async (one, i) => {
      one.resolve(successes[i] === true ? done(null) : await runAlone(client, one.call));
    }),
  );
}

async function runAlone(client: EvmClient, one: Call): Promise<Outcome<null>> {
  const answer = await ask(client, one);
  return answer.kind === "done" ? done(null) : answer;
}

async function ask(client: EvmClient, { to, data }: Call): Promise<Outcome<Hex>> {
  try {
    return await client.read((server) =>
      server.request({ method: "eth_call", params: [{ to, data }, "latest"] }),
    );
  } catch (error) {
    // Whoever waits must be answered.
    return failed(error instanceof Error ? error.message : "the chain could not be asked", "retry");
  }
}

const WORD = 64;

function aggregate(calls: readonly Call[]): Hex {
  const offsets: string[] = [];
  const tuples: string[] = [];
  let offset = calls.length * 32;
  for (const { to, data } of calls) {
    const bytes = data.slice(2);
    const padded = bytes.padEnd(Math.ceil(bytes.length / WORD) * WORD, "0");
    const head = [to.slice(2).padStart(WORD, "0"), word(1), word(96), word(bytes.length / 2)];
    offsets.push(word(offset));
    tuples.push(...head, padded);
    offset += 4 * 32 + padded.length / 2;
  }
  return `${AGGREGATE}${[word(32), word(calls.length), ...offsets, ...tuples].join("")}`;
}

/** Which of the calls succeeded; empty when the answer is not that of the contract. */
function successesIn(answer: Hex, count: number): readonly boolean[] {
  const words = answer.slice(2);
  const at = (index: number): number => Number.parseInt(words.slice(index, index + WORD), 16);
  if (at(WORD) !== count) return [];
  const array = 2 * WORD;
  return Array.from({ length: count }, (_one, i) => at(array + at(array + i * WORD) * 2) === 1);
}

function word(value: number): string {
  return wordOf(BigInt(value)).slice(2);
}
