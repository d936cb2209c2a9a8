import {
  Address,
  beginCell,
  type Message,
  type ShardAccount,
  storeMessage,
  type TupleItem,
} from "@ton/core";
import {
  Blockchain,
  type BlockchainTransaction,
  EmulationError,
  type GetMethodResult,
  SmartContract,
} from "@ton/sandbox";
import { createJourneys } from "./journeys.ts";
import { accountOf, type Block, createLedger, type Ledger } from "./ledger.ts";
import { createStates, type States } from "./states.ts";

export interface ChainOptions {
  /** True: a block for each message from outside, with all that follows from it. Otherwise messages wait. */
  readonly isInstant: boolean;
  /** A message from one contract to another arrives in the block after the one that sent it. */
  readonly isOneHopPerBlock: boolean;
  readonly maxTransactions: number;
  /** States of accounts that were replaced and can still be asked for; absent: no past state can be. */
  readonly maxReplacedStates?: number;
  /** Unix milliseconds. */
  readonly now: () => number;
}

/** A contract, or the lack of one, that would not take a message from outside; `exitCode` is null if none ran. */
export class RejectedMessage extends Error {
  readonly exitCode: number | null;
  constructor(reason: string, exitCode: number | null) {
    super(reason);
    this.exitCode = exitCode;
  }
}

export interface TonChain {
  readonly ledger: Ledger;
  /**
   * Takes a message from outside and answers its hash. @throws RejectedMessage if the contract would not take it in
   * the state of the latest block
   */
  submit(message: Message): Promise<Buffer>;
  /** Puts an internal message on the chain, out of nowhere, in a block of its own with all that follows from it. */
  inject(message: Message): Promise<void>;
  closeBlock(): Promise<Block>;
  /** Moves the clock; the next block shows it. */
  advanceTime(seconds: number): void;
  contract(address: Address): Promise<SmartContract>;
  /** As of the end of a block; null before its first transaction. @throws ApiError if that is forgotten */
  accountAt(address: Address, seqno: number): ShardAccount | null;
  /** Null for an account without code. @throws GetMethodError of the sandbox, with its exit code */
  runMethod(call: MethodCall): Promise<GetMethodResult | null>;
  /** Reads between blocks, never in the middle of one. */
  read<T>(reader: () => Promise<T>): Promise<T>;
  /** Messages that wait for a block: from outside, and on their way between contracts. */
  waiting(): number;
}

export interface MethodCall {
  readonly address: Address;
  readonly method: string | number;
  readonly stack: TupleItem[];
}

/** Enough for hours of quick blocks. */
const MAX_BLOCKS = 20_000;

export async function createChain(options: ChainOptions): Promise<TonChain> {
  const blockchain = await Blockchain.create();
  blockchain.verbosity = { print: false, blockchainLogs: false, vmLogs: "none", debugLogs: false };
  const journeys = createJourneys(blockchain, options.isOneHopPerBlock);
  const exclusively = takeTurns();
  let offsetSeconds = 0;
  let waiting: Message[] = [];

  const clockSeconds = () => Math.floor(options.now() / 1000) + offsetSeconds;
  const bounds = { maxTransactions: options.maxTransactions, maxBlocks: MAX_BLOCKS };
  const ledger = createLedger(bounds, clockSeconds());
  const states = createStates(options.maxReplacedStates ?? 0);

  /** A clock that is set back stands still. */
  const nextUtime = () => Math.max(clockSeconds(), ledger.latest().utime);

  async function append(
    transactions: readonly BlockchainTransaction[],
    utime: number,
  ): Promise<Block> {
    // The sandbox remembers every transaction with the logs of its execution: 180 KB for one transfer of tokens.
    (blockchain as unknown as { transactions: unknown[] }).transactions = [];
    const block = ledger.append(utime, transactions);
    if (options.maxReplacedStates !== undefined)
      await keepStates({ blockchain, states }, block.seqno, transactions);
    return block;
  }

  /** The public network has blocks also when nothing happens. */
  function keepPace(): void {
    if (clockSeconds() > ledger.latest().utime) ledger.append(clockSeconds(), []);
  }

  async function wholeBlock(message: Message): Promise<void> {
    const utime = nextUtime();
    blockchain.now = utime;
    await append(await createJourneys(blockchain, false).begin(message), utime);
  }

  async function closeBlock(): Promise<Block> {
    const utime = nextUtime();
    blockchain.now = utime;
    const leaving = waiting;
    waiting = [];
    const happened = await journeys.proceed();
    // One of them may use up what another relied on.
    for (const message of leaving) happened.push(...(await journeys.attempt(message)));
    return append(happened, utime);
  }

  /** Tries it on the state of the latest block first, as servers do before they pass a message on. */
  async function queue(message: Message): Promise<void> {
    const { account } = await blockchain.getContract(message.info.dest as Address);
    blockchain.now = nextUtime();
    await new SmartContract(account, blockchain).receiveMessage(message);
    waiting.push(message);
  }

  return {
    ledger,
    read: (reader) =>
      exclusively(() => {
        if (options.isInstant) keepPace();
        return reader();
      }),
    async submit(message) {
      const take = options.isInstant ? wholeBlock : queue;
      await exclusively(() => take(message)).catch(refuse);
      return beginCell().store(storeMessage(message)).endCell().hash();
    },
    inject: (message) => exclusively(() => wholeBlock(message)),
    closeBlock: () => exclusively(closeBlock),
    advanceTime(seconds) {
      offsetSeconds += seconds;
    },
    contract: (address) => blockchain.getContract(address),
    accountAt: (address, seqno) => states.at(address.toRawString(), seqno),
    runMethod: (call) => run(blockchain, ledger.latest().utime, call),
    waiting: () => waiting.length + journeys.pending(),
  };
}

async function run(
  blockchain: Blockchain,
  utime: number,
  { address, method, stack }: MethodCall,
): Promise<GetMethodResult | null> {
  const { accountState } = await blockchain.getContract(address);
  if (accountState?.type !== "active") return null;
  blockchain.now = utime;
  return blockchain.runGetMethod(address, method, stack);
}

async function keepStates(
  { blockchain, states }: { readonly blockchain: Blockchain; readonly states: States },
  seqno: number,
  transactions: readonly BlockchainTransaction[],
): Promise<void> {
  for (const account of new Set(transactions.map(accountOf))) {
    const contract = await blockchain.getContract(Address.parseRaw(account));
    states.keep(account, seqno, contract.account);
  }
}

/** Runs actions one after the other. */
function takeTurns(): <T>(action: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve();
  return (action) => {
    const done = tail.then(action);
    tail = done.catch(() => {});
    return done;
  };
}

/** @throws always */
function refuse(error: unknown): never {
  if (!(error instanceof EmulationError)) throw error;
  throw new RejectedMessage(error.error, error.exitCode ?? null);
}
