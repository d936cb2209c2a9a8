/** Payers for tests: the published client signs, so that nothing of ours judges what we wrote ourselves. */
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { type Address, encodeFunctionData, type Hex, maxUint256, parseAbi } from "viem";
import type { PrivateKeyAccount } from "viem/accounts";
import type { EvmStage } from "../../../tests/fixtures/evm-stage.ts";
import { systemClock } from "../../clock.ts";
import type { EvmTexts, EvmTuning } from "../../chains/evm/settings.ts";
import { createLog } from "../../log.ts";
import type { Authorization, PaymentTerms, Rail, X402Scheme } from "../rail.ts";
import { evmX402 } from "./index.ts";

/** A payload of version 2, as the stock client makes it; parts of it may be changed in tests. */
export interface StockPayload {
  readonly x402Version: 2;
  readonly accepted: PaymentTerms;
  readonly payload: Readonly<Record<string, unknown>>;
}

export const quiet = createLog({ level: "error", now: () => 0, write: () => {} });

export interface OpenRail {
  readonly rail: Rail & { readonly x402: X402Scheme };
  readonly terms: (symbol?: string, atomic?: bigint) => PaymentTerms;
  /** A new payer's promise, read by the rail. */
  readonly promise: (wanted?: Wanted) => Promise<Authorization>;
}

export interface Wanted {
  /** @default "USDC" */
  readonly symbol?: "USDC" | "USDT";
  /** @default 6_210_000n */
  readonly atomic?: bigint;
  /** @default a new one with ten times the money, and an allowance where it needs one */
  readonly payer?: PrivateKeyAccount;
}

const ATOMIC = 6_210_000n;
let orders = 0;

export interface OpenOptions {
  readonly changes?: EvmTexts;
  readonly tuning?: Partial<EvmTuning>;
  /** How far the chain's clock was moved ahead of the wall's. */
  readonly aheadMs?: number;
}

/** The rail on a stage, as after a restart. */
export function openOn(
  stage: EvmStage,
  { changes = {}, tuning = {}, aheadMs = 0 }: OpenOptions = {},
): OpenRail {
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const rail = evmX402.open(stage.config(changes, tuning), { clock, log: quiet });
  const terms = (symbol = "USDC", atomic = ATOMIC): PaymentTerms => {
    const asset = rail.assets.find((one) => one.symbol === symbol);
    if (asset === undefined) throw new Error(`the rail has no ${symbol}`);
    const leg = { amount: { asset, atomic }, expiresAtMs: clock.now() + 600_000 };
    const [entry] = rail.x402.terms({ id: `ord_${++orders}`, legs: [leg], missing: [] });
    if (entry === undefined) throw new Error("no terms for a quoted asset");
    return entry;
  };
  return {
    rail,
    terms,
    async promise({ symbol = "USDC", atomic = ATOMIC, payer: given } = {}) {
      const payer = given ?? (await newPayer(stage, atomic * 10n));
      const wanted = terms(symbol, atomic);
      return readOrFail(rail.x402, await signedBy(payer, wanted, aheadMs), wanted);
    },
  };
}

export function readOrFail(
  scheme: X402Scheme,
  payload: unknown,
  terms: PaymentTerms,
): Authorization {
  const read = scheme.read(2, payload, terms);
  if (read.kind === "invalid") throw new Error(read.reason);
  return read.authorization;
}

/** An account with both tokens, which lets Permit2 move its USDT. */
export async function newPayer(stage: EvmStage, atomic: bigint): Promise<PrivateKeyAccount> {
  const payer = await stage.newAccount({ usdc: atomic, usdt: atomic });
  await allowPermit2(stage, payer);
  return payer;
}

async function allowPermit2(stage: EvmStage, payer: PrivateKeyAccount): Promise<void> {
  const { devnet } = stage;
  const data = encodeFunctionData({
    abi: parseAbi(["function approve(address spender, uint256 amount)"]),
    functionName: "approve",
    args: [devnet.permit2, maxUint256],
  });
  await stage.send(payer, { to: devnet.usdt, data });
  await devnet.mine();
}

export async function signedBy(
  payer: PrivateKeyAccount,
  terms: PaymentTerms,
  aheadMs = 0,
): Promise<StockPayload> {
  const network = terms.network as `${string}:${string}`;
  // The client knows the wall's clock alone.
  const maxTimeoutSeconds = terms.maxTimeoutSeconds + Math.ceil(aheadMs / 1_000);
  const requirements = { ...terms, network, maxTimeoutSeconds };
  const made = await new ExactEvmScheme(payer).createPaymentPayload(2, requirements);
  return { x402Version: 2, accepted: terms, payload: made.payload };
}

/** What a payer does to take a promise of USDC back. */
export async function cancel(stage: EvmStage, payer: PrivateKeyAccount, nonce: Hex): Promise<void> {
  const token: Address = stage.devnet.usdc;
  const signature = await payer.signTypedData({
    domain: {
      name: "USD Coin",
      version: "2",
      chainId: stage.devnet.chainId,
      verifyingContract: token,
    },
    types: {
      CancelAuthorization: [
        { name: "authorizer", type: "address" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "CancelAuthorization",
    message: { authorizer: payer.address, nonce },
  });
  const data = encodeFunctionData({
    abi: parseAbi([
      "function cancelAuthorization(address authorizer, bytes32 nonce, bytes signature)",
    ]),
    functionName: "cancelAuthorization",
    args: [payer.address, nonce, signature],
  });
  await stage.send(payer, { to: token, data });
  await stage.devnet.mine();
}

/** How far the chain's newest block is ahead of the wall's clock; 0 when it is not. */
export async function aheadMsOf({ devnet }: EvmStage): Promise<number> {
  const block = (await devnet.rpc("eth_getBlockByNumber", ["latest", false])) as {
    readonly timestamp: Hex;
  };
  return Math.max(Number(block.timestamp) * 1_000 - systemClock.now(), 0);
}
