import { purchaseCard } from "../buy.ts";
import {
  createEsimOrder,
  purchaseEsim,
  waitForEsim,
  type EsimPurchase,
  type X402CardPurchase,
} from "../x402/buy.ts";
import type { X402PurchaseStep } from "../x402/purchase.ts";
import type { PaymentOption } from "../wire.ts";
import { UsageError, type Terminal } from "./command.ts";
import { columns, printCard, printEsim, printJson, shownCard, shownEsim } from "./print.ts";
import {
  accountFrom,
  hasStellarWallet,
  journalFrom,
  networkFrom,
  signerFrom,
  tonFrom,
  x402ShopFrom,
  type KeySource,
} from "./settings.ts";

/** What `vend402 buy` was asked for, when it is paid by x402. */
export interface X402Wish extends KeySource {
  readonly goods: { readonly planId: string } | { readonly amountUsdc: string } | "card" | "esim";
  /** Null: a new order, by the key. */
  readonly orderId: string | null;
  readonly idempotencyKey: string;
  readonly network?: string | undefined;
  readonly asset?: string | undefined;
  readonly maxUsd?: string | undefined;
  readonly maxXlm?: string | undefined;
  readonly approve?: "exact" | "unlimited" | undefined;
  readonly rpcUrl?: string | undefined;
  readonly waitMs: number;
  readonly reveal: boolean;
  readonly json: boolean;
}

const isCard = ({ goods }: X402Wish) =>
  goods === "card" || (typeof goods === "object" && "amountUsdc" in goods);

export async function buyByX402(terminal: Terminal, wish: X402Wish): Promise<void> {
  const options = await optionsOf(terminal, wish);
  const { goods, idempotencyKey, orderId } = wish;
  const { maxUsd } = wish;
  if (isCard(wish)) {
    const order =
      orderId === null && typeof goods === "object" && "amountUsdc" in goods
        ? { amountUsdc: goods.amountUsdc, idempotencyKey, maxUsd }
        : { orderId: orderId ?? "", maxUsd: needed(maxUsd) };
    print(terminal, await purchaseCard({ ...options, ...order }), wish);
    return;
  }
  const order =
    orderId === null && typeof goods === "object" && "planId" in goods
      ? { planId: goods.planId, idempotencyKey }
      : { orderId: orderId ?? "" };
  print(terminal, await purchaseEsim({ ...options, ...order, maxUsd: needed(maxUsd) }), wish);
}

function needed(maxUsd: string | undefined): string {
  if (maxUsd !== undefined) return maxUsd;
  throw new UsageError("--max-usd is missing: the most that this may cost");
}

async function optionsOf({ env, note, signal }: Terminal, wish: X402Wish) {
  const { network, asset, approve, rpcUrl, maxXlm, waitMs } = wish;
  const isOf = (prefix: string) => network === undefined || network.startsWith(prefix);
  const account = isOf("eip155:") ? await accountFrom(env, wish) : null;
  const ton = isOf("tvm:") ? tonFrom(env) : null;
  const isStellar = isOf("stellar") && hasStellarWallet(env);
  if (account === null && ton === null && !isStellar)
    throw new UsageError(
      "set VEND402_EVM_KEY (or --key-env, --key-file), VEND402_TON_KEY or a Stellar wallet to pay there",
    );
  return {
    ...x402ShopFrom(env),
    journal: journalFrom(env),
    network: network === "stellar" ? undefined : network,
    asset,
    ...(account === null ? {} : { account }),
    ...(ton === null ? {} : { ton }),
    ...(isStellar
      ? { stellar: await signerFrom(env), stellarNetwork: networkFrom(env), maxXlm }
      : {}),
    permit2Approval: approve,
    evmRpcUrl: rpcUrl,
    deadlineMs: waitMs,
    signal,
    onStep: (step: X402PurchaseStep) => note(progressLine(step)),
  };
}

function progressLine({ step, atMs, orderId, payment }: X402PurchaseStep): string {
  const seconds = (atMs / 1000).toFixed(1).padStart(6);
  const paid = payment === null ? "" : `${payment.amount} ${payment.asset} on ${payment.network}`;
  const transaction = payment?.txId ?? null;
  const detail =
    step === "quote"
      ? `order ${orderId}`
      : step === "signed"
        ? paid
        : step === "sent" && transaction !== null
          ? `transaction ${transaction}`
          : "";
  return `${seconds} s  ${step.padEnd(10)}  ${detail}`.trimEnd();
}

function print(
  terminal: Terminal,
  bought: EsimPurchase | X402CardPurchase,
  { json, reveal }: X402Wish,
): void {
  const { orderId, idempotencyKey, payment, steps } = bought;
  if (json)
    return printJson(terminal, {
      order_id: orderId,
      idempotency_key: idempotencyKey,
      ...("esim" in bought
        ? { esim: shownEsim(bought.esim, reveal) }
        : { card: shownCard(bought.card, reveal) }),
      payment,
      steps: steps.map(({ step, atMs }) => ({ step, at_ms: atMs })),
    });
  if ("esim" in bought) printEsim(terminal, bought.esim, reveal);
  else printCard(terminal, bought.card, reveal);
}

/** Orders, says where to send how much, and waits for that. */
export async function buyByDeposit(terminal: Terminal, wish: X402Wish): Promise<void> {
  const { env, signal } = terminal;
  const { goods, idempotencyKey, network, waitMs, json, reveal } = wish;
  if (typeof goods !== "object" || !("planId" in goods))
    throw new UsageError("--deposit goes with buy esim --plan");
  const shop = { ...x402ShopFrom(env), journal: journalFrom(env), signal };
  const { orderId, asked } = await createEsimOrder({
    ...shop,
    planId: goods.planId,
    idempotencyKey,
  });
  terminal.note(`order ${orderId}`);
  for (const line of depositLines(asked?.terms.deposits ?? [], network)) terminal.note(line);
  const esim = await waitForEsim({ ...shop, orderId, deadlineMs: waitMs });
  if (json) printJson(terminal, { order_id: orderId, esim: shownEsim(esim, reveal) });
  else printEsim(terminal, esim, reveal);
}

function depositLines(
  deposits: readonly PaymentOption[],
  network: string | undefined,
): readonly string[] {
  const rows = deposits
    .filter((each) => typeof each["address"] === "string")
    .filter((each) => network === undefined || each["network"] === network)
    .flatMap((each) => {
      const assets = Array.isArray(each["assets"]) ? (each["assets"] as unknown[]) : [each];
      const { address, comment, network: where } = each;
      // On TON the comment is all that says whose payment it is.
      const note = typeof comment === "string" ? `with the comment ${comment}` : "";
      return assets.map((asset) => {
        const { amount, symbol } = asset as { amount?: unknown; symbol?: unknown };
        return [
          `send ${text(amount)} ${text(symbol)}`,
          `to ${text(address)}`,
          `on ${text(where)}`,
          note,
        ];
      });
    });
  if (rows.length === 0) throw new UsageError("the shop takes no plain transfer for this order");
  return columns(rows);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
