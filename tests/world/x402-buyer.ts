/** A buyer of eSIMs over plain HTTP, and a wallet that only knows how to send tokens. */
import { createWalletClient, erc20Abi, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import {
  FINAL_X402_STATUSES,
  type PlanView,
  type X402Challenge,
  type X402OrderView,
} from "#wire/x402";
import { walletOf } from "../../devnet/evm/test-clients.ts";
import type { Address, EvmDevnet, Hex } from "../../devnet/evm/index.ts";
import type { EvmBuyer } from "./evm-world.ts";
import { whileDown } from "./buyer.ts";

export interface X402Buyer {
  readonly plans: () => Promise<readonly PlanView[]>;
  /** The plan for one country; of several, the one with so many days. */
  readonly planFor: (country: string, days?: number) => Promise<PlanView>;
  /** Orders and takes the 402. */
  readonly order: (
    body: Readonly<Record<string, unknown>>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<X402Challenge>;
  readonly read: (order: X402Challenge) => Promise<X402OrderView>;
  /** Polls until the order satisfies the condition; fails when it does not in time. */
  readonly until: (
    order: X402Challenge,
    isThere: (view: X402OrderView) => boolean,
    limitMs?: number,
  ) => Promise<X402OrderView>;
  /** Until nothing changes any more. */
  readonly end: (order: X402Challenge, limitMs?: number) => Promise<X402OrderView>;
}

const POLL_MS = 40;
const ANSWER_LIMIT_MS = 30_000;
const END_LIMIT_MS = 40_000;
const BASE = "/api/v1/x402";

export function createX402Buyer(url: () => string): X402Buyer {
  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(url() + path, { ...init, signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
  const plans: X402Buyer["plans"] = async () => {
    const answer = await ask(`${BASE}/plans`);
    return ((await answer.json()) as { readonly plans: readonly PlanView[] }).plans;
  };
  const read: X402Buyer["read"] = async ({ status_url, access_token = "" }) => {
    const answer = await ask(status_url, { headers: { Authorization: `Bearer ${access_token}` } });
    if (!answer.ok) throw new Error(`GET order: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as X402OrderView;
  };
  const until: X402Buyer["until"] = async (order, isThere, limitMs = END_LIMIT_MS) => {
    const untilMs = performance.now() + limitMs;
    for (;;) {
      const view = await whileDown(() => read(order));
      if (isThere(view)) return view;
      if (performance.now() > untilMs)
        throw new Error(
          `${order.order_id} is still ${view.status}: ${JSON.stringify(view.payment)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  return {
    plans,
    planFor: async (country, days) => {
      const fits = ({ countries, validity_days }: PlanView): boolean =>
        countries.length === 1 &&
        countries[0] === country &&
        (days === undefined || validity_days === days);
      const plan = (await plans()).find(fits);
      if (plan === undefined) throw new Error(`there is no plan for ${country}`);
      return plan;
    },
    order: async (body, headers = {}) => {
      const answer = await ask(`${BASE}/order`, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      if (answer.status !== 402) throw new Error(`POST order: ${answer.status} ${text}`);
      return JSON.parse(text) as X402Challenge;
    },
    read,
    until,
    end: (order, limitMs) =>
      until(order, ({ status }) => FINAL_X402_STATUSES.includes(status), limitMs),
  };
}

/** An order's own address, with the price in USDC, base units. */
export function depositOf(order: X402Challenge): {
  readonly address: Address;
  readonly atomic: bigint;
} {
  const option = order.deposits.find(({ type }) => type === "evm_deposit");
  const { address, assets } = option as unknown as {
    readonly address: Address;
    readonly assets: readonly { readonly symbol: string; readonly amount_atomic: string }[];
  };
  const usdc = assets.find(({ symbol }) => symbol === "USDC");
  return { address, atomic: BigInt(usdc?.amount_atomic ?? "0") };
}

/** Sends tokens as any wallet does; resolves with the transaction's hash once it is sent. */
export function sendToken(
  chain: EvmDevnet,
  from: EvmBuyer,
  transfer: { readonly token: Address; readonly to: Address; readonly atomic: bigint },
): Promise<Hex> {
  const wallet = createWalletClient({
    account: privateKeyToAccount(from.key),
    chain: walletOf(chain, 0).chain,
    transport: http(chain.url, { retryCount: 0 }),
  }).extend(publicActions);
  const { token: address, to, atomic } = transfer;
  const call = { address, abi: erc20Abi, functionName: "transfer", args: [to, atomic] } as const;
  return wallet.writeContract(call);
}
