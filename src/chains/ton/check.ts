import type { Address } from "@ton/core";
import { formatDecimal } from "../../money.ts";
import type { DepositsRead, RailProblem } from "../../rails/rail.ts";
import type { TonChain } from "./chain.ts";
import type { HighloadWallet } from "./highload.ts";
import { type JettonBook, readJettonWallet } from "./jettons.ts";
import type { TonConfig } from "./settings.ts";

export interface CheckDeps {
  readonly chain: TonChain;
  readonly config: TonConfig;
  readonly jettons: JettonBook;
  readonly treasury: HighloadWallet;
  /** Others of ours that pay gas. */
  readonly spenders: readonly Spender[];
  readonly read: (cursor: string | null) => Promise<DepositsRead>;
}

/** A wallet of ours that must have some of the chain's coin. */
export interface Spender {
  /** "relay" */
  readonly name: string;
  readonly address: Address;
}

/** Enough for a dozen refunds, x402 payments or sweeps. */
const LEAST_NANO = 1_000_000_000n;

/** @param cursor The stored one; null when nothing was read yet. */
export async function checkRail(
  deps: CheckDeps,
  cursor: string | null,
): Promise<readonly RailProblem[]> {
  const { jettons, config, treasury, spenders } = deps;
  const wallet = await jettons.walletOf(config.jetton.master, treasury.address);
  if (wallet.kind !== "done") return [unreachable(deps, wallet)];
  const all = [{ name: "treasury", address: treasury.address }, ...spenders];
  return [
    ...(await checkWallet(deps, wallet.value)),
    ...(await Promise.all(all.map((spender) => checkGas(deps, spender)))).flat(),
    ...(cursor === null ? [] : await checkHistory(deps, cursor)),
  ];
}

/** What a facilitator needs, who receives nothing itself. */
export async function checkServing(
  deps: Pick<CheckDeps, "chain" | "config" | "jettons"> & { readonly relay: HighloadWallet },
): Promise<readonly RailProblem[]> {
  const { jettons, config, relay } = deps;
  const wallet = await jettons.walletOf(config.jetton.master, relay.address);
  if (wallet.kind !== "done") return [unreachable(deps, wallet)];
  return checkGas(deps, { name: "relay", address: relay.address });
}

function unreachable(
  { chain }: Pick<CheckDeps, "chain">,
  wallet: { readonly kind: string; readonly retryable?: boolean; readonly reason: string },
): RailProblem {
  if (wallet.reason === chain.contradiction?.())
    return {
      severity: "fatal",
      what: wallet.reason,
      fix: "Check that RPC and LITESERVERS are servers of NETWORK; else one of them lies.",
    };
  if (wallet.retryable === false)
    return {
      severity: "fatal",
      what: `the jetton does not answer: ${wallet.reason}`,
      fix: "Check JETTON_MASTER, and that RPC is a server of NETWORK.",
    };
  const what = `TON cannot be read: ${wallet.reason}`;
  const fix = "Check the servers in RPC and LITESERVERS, and RPC_KEY.";
  return { severity: "warning", what, fix };
}

async function checkWallet(deps: CheckDeps, wallet: Address): Promise<readonly RailProblem[]> {
  const state = await readJettonWallet(deps.chain, wallet);
  if (state.kind !== "done") return [unreachable(deps, state)];
  const { canSend, canReceive } = state.value;
  if (canSend && canReceive) return [];
  return [
    {
      severity: "fatal",
      what: "the treasury's jetton wallet is locked by the jetton's administrator",
      fix: "Ask who issues the jetton; until then take payments on another chain.",
    },
  ];
}

async function checkGas(
  deps: Pick<CheckDeps, "chain">,
  { name, address }: Spender,
): Promise<readonly RailProblem[]> {
  const state = await deps.chain.state(address);
  if (state.kind !== "done") return [unreachable(deps, state)];
  if (state.value.balanceNano >= LEAST_NANO) return [];
  const held = formatDecimal(state.value.balanceNano, 9, 2);
  return [
    {
      severity: "warning",
      what: `the ${name} has ${held} TON left for gas`,
      fix: `Send TON to ${address.toString({ bounceable: false })}.`,
    },
  ];
}

async function checkHistory({ read }: CheckDeps, cursor: string): Promise<readonly RailProblem[]> {
  const page = await read(cursor);
  if (page.kind !== "gap") return [];
  return [
    {
      severity: "fatal",
      what: `payments since the last one that was read can not be read any more: ${page.reason}`,
      fix: "Name a server in RPC that keeps the whole history.",
    },
  ];
}
