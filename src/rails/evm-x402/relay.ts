import { type Address, keccak256, type LocalAccount } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import type { EvmClient, ServerClient } from "../../chains/evm/client.ts";
import { readHeader } from "../../chains/evm/finality.ts";
import type { EvmConfig } from "../../chains/evm/settings.ts";
import type { Clock } from "../../clock.ts";
import { failed, type Failed } from "../../outcome.ts";
import type { Call } from "./calls.ts";
import type { Hex } from "./promise.ts";

/** A transaction of ours that was, or may have been, taken by a server. */
export interface Sent {
  readonly txId: Hex;
  readonly call: Call;
  readonly account: LocalAccount;
  readonly nonce: number;
  readonly gas: bigint;
  readonly fees: Fees;
  readonly sentAtMs: number;
}

interface Fees {
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
}

export type Sending =
  | { readonly kind: "sent"; readonly sent: Sent }
  | { readonly kind: "unknown"; readonly sent: Sent; readonly reason: string }
  /** Nothing was sent. For good: the contracts turn the call down. */
  | Failed;

/** Accounts that pay the gas of other people's promises. Each counts its own transactions. */
export interface Relay {
  readonly addresses: readonly Address[];
  send(call: Call): Promise<Sending>;
  /**
   * Looks after one that was sent before: bids more when it waits for long. `failed` worth repeating when no server
   * knows it any more, or the chain turned it down, so that it may be sent anew.
   */
  lookAfter(sent: Sent): Promise<Sending>;
}

/** A transfer takes 60,000 to 120,000; a smart wallet may need more to check its signature. */
const MOST_GAS = 600_000n;
/** A replacement must bid at least a tenth more, or servers refuse it. */
const OUTBID_PERCENT = 125n;
const GWEI = 10n ** 9n;

export function openRelay(config: EvmConfig, client: EvmClient, clock: Clock): Relay {
  const keys = config.relayKeys.map((key) => openKey({ config, client, clock }, key));
  return {
    addresses: keys.map(({ account }) => account.address),
    async send(call) {
      const [idlest] = keys.toSorted((a, b) => a.waiting() - b.waiting());
      return idlest?.send(call) ?? failed("no relay key is configured", "retry");
    },
    async lookAfter(sent) {
      const key = keys.find(({ account }) => account.address === sent.account.address);
      return key?.lookAfter(sent) ?? failed("its relay key is not configured any more", "retry");
    },
  };
}

interface KeyDeps {
  readonly config: EvmConfig;
  readonly client: EvmClient;
  readonly clock: Clock;
}

interface Key {
  readonly account: LocalAccount;
  waiting(): number;
  send(call: Call): Promise<Sending>;
  lookAfter(sent: Sent): Promise<Sending>;
}

/**
 * One account. It asks the chain for its next number each time, and believes its own count only as long as the
 * chain still knows the transaction that has the number: one that vanished leaves no gap behind.
 */
function openKey(deps: KeyDeps, privateKey: Hex): Key {
  const { config, client, clock } = deps;
  const account = privateKeyToAccount(privateKey);
  const byNonce = new Map<number, Sent>();
  let turn: Promise<unknown> = Promise.resolve();
  let waiting = 0;

  /** One at a time: a number is given out when the one before it is with a server. */
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    waiting++;
    const mine = turn.then(work).finally(() => waiting--);
    turn = mine.catch(() => {});
    return mine;
  };

  const keep = (sending: Sending): Sending => {
    if (sending.kind !== "failed") byNonce.set(sending.sent.nonce, sending.sent);
    return sending;
  };

  const sendNow = async (call: Call): Promise<Sending> => {
    const asked = await client.read((server) => prepare(server, account.address, call, byNonce));
    if (asked.kind === "failed") return asked;
    if (asked.kind === "unknown") return failed(asked.reason, "retry");
    const { nonce, gas, ...market } = asked.value;
    for (const old of byNonce.keys()) if (old < nonce) byNonce.delete(old);
    const fees = feesOf(config, market);
    if (fees === null) return failed("gas costs more than MAX_FEE_GWEI allows", "retry");
    if (gas > MOST_GAS) return failed("it would take too much gas", "final");
    return keep(await broadcast(deps, { account, call, nonce, gas, fees }));
  };

  const lookAfterNow = async (sent: Sent): Promise<Sending> => {
    const asked = await client.read((server) =>
      Promise.all([lookUp(server, sent.txId), readMarket(server)]),
    );
    if (asked.kind !== "done") return { kind: "unknown", sent, reason: asked.reason };
    const [found, market] = asked.value;
    if (found === "vanished" || found === "reverted") {
      byNonce.delete(sent.nonce);
      return failed(`it ${found}`, "retry");
    }
    const isYoung = clock.now() - sent.sentAtMs < config.tuning.outbidAfterMs;
    const fees = outbid(feesOf(config, market), sent.fees);
    const isDearer = fees !== null && fees.maxFeePerGas <= config.maxFeeWei;
    if (found === "landed" || isYoung || !isDearer) return { kind: "sent", sent };
    const sending = keep(await broadcast(deps, { ...sent, fees }));
    // The first one is still there, whatever became of the second.
    return sending.kind === "sent" ? sending : { kind: "sent", sent };
  };

  return {
    account,
    waiting: () => waiting,
    send: (call) => inTurn(() => sendNow(call)),
    lookAfter: (sent) => inTurn(() => lookAfterNow(sent)),
  };
}

interface Market {
  readonly baseFeeWei: bigint;
  readonly tipWei: bigint;
}

interface Prepared extends Market {
  readonly nonce: number;
  readonly gas: bigint;
}

/** All that a transaction needs to know, in one batch. Throws when the call would be turned down. */
async function prepare(
  server: ServerClient,
  from: Address,
  { to, data }: Call,
  byNonce: ReadonlyMap<number, Sent>,
): Promise<Prepared> {
  const [count, gas, market] = await Promise.all([
    server.request({ method: "eth_getTransactionCount", params: [from, "pending"] }),
    server.request({ method: "eth_estimateGas", params: [{ from, to, data }] }),
    readMarket(server),
  ]);
  const nonce = await nextNonce(server, Number(count), byNonce);
  // What it costs depends on the state it meets, which may have changed a little by then.
  return { nonce, gas: (BigInt(gas) * 5n) / 4n, ...market };
}

/** The server's count, unless it lags behind what we sent and the chain still knows. */
async function nextNonce(
  server: ServerClient,
  count: number,
  byNonce: ReadonlyMap<number, Sent>,
): Promise<number> {
  let nonce = count;
  for (let own = byNonce.get(nonce); own !== undefined; own = byNonce.get(nonce)) {
    if ((await lookUp(server, own.txId)) === "vanished") return nonce;
    nonce++;
  }
  return nonce;
}

async function lookUp(
  server: ServerClient,
  txId: Hex,
): Promise<"vanished" | "waiting" | "landed" | "reverted"> {
  const [transaction, receipt] = await Promise.all([
    server.request({ method: "eth_getTransactionByHash", params: [txId] }),
    server.request({ method: "eth_getTransactionReceipt", params: [txId] }),
  ]);
  if (receipt !== null) return receipt.status === "0x1" ? "landed" : "reverted";
  return transaction === null ? "vanished" : "waiting";
}

async function readMarket(server: ServerClient): Promise<Market> {
  const [head, tip] = await Promise.all([
    readHeader(server, "latest"),
    server.request({ method: "eth_maxPriorityFeePerGas" }),
  ]);
  return { baseFeeWei: head?.baseFeeWei ?? 0n, tipWei: BigInt(tip) };
}

/** Null while gas costs more than allowed. */
function feesOf({ network, maxFeeWei }: EvmConfig, { baseFeeWei, tipWei }: Market): Fees | null {
  const floor = BigInt(network.minTipGwei) * GWEI;
  const maxPriorityFeePerGas = tipWei > floor ? tipWei : floor;
  if (baseFeeWei + maxPriorityFeePerGas > maxFeeWei) return null;
  const roomy = 2n * baseFeeWei + maxPriorityFeePerGas;
  return { maxFeePerGas: roomy < maxFeeWei ? roomy : maxFeeWei, maxPriorityFeePerGas };
}

function outbid(fees: Fees | null, before: Fees): Fees | null {
  if (fees === null) return null;
  const more = (now: bigint, then: bigint): bigint => {
    const least = (then * OUTBID_PERCENT) / 100n + 1n;
    return now > least ? now : least;
  };
  return {
    maxFeePerGas: more(fees.maxFeePerGas, before.maxFeePerGas),
    maxPriorityFeePerGas: more(fees.maxPriorityFeePerGas, before.maxPriorityFeePerGas),
  };
}

type Draft = Pick<Sent, "account" | "call" | "nonce" | "gas" | "fees">;

/** Hands one transaction to the servers, the same bytes to each, until one has taken it. */
async function broadcast({ config, client, clock }: KeyDeps, draft: Draft): Promise<Sending> {
  const { account, call, nonce, gas, fees } = draft;
  const { chainId } = config;
  const body = { type: "eip1559", chainId, nonce, gas, ...fees, ...call } as const;
  const raw = await account.signTransaction(body);
  const sent: Sent = { ...draft, txId: keccak256(raw), sentAtMs: clock.now() };
  let reason = "no RPC server is configured";
  let mayHaveArrived = false;
  for (const endpoint of client.endpoints()) {
    const answer = await endpoint.ask((server) =>
      server.request({ method: "eth_sendRawTransaction", params: [raw] }),
    );
    if (answer.kind === "result") return { kind: "sent", sent };
    reason = answer.reason;
    if (answer.kind === "error" && /already known|already imported|known transaction/i.test(reason))
      return { kind: "sent", sent };
    if (answer.kind === "silent" && answer.mayHaveArrived) mayHaveArrived = true;
  }
  return mayHaveArrived ? { kind: "unknown", sent, reason } : failed(reason, "retry");
}
