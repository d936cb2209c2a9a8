import { x402Facilitator } from "@x402/core/facilitator";
import type { PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme as ClientScheme } from "@x402/evm/exact/client";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { createWalletClient, defineChain, http, type HttpTransport, publicActions } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { startEvmDevnet, type EvmDevnet } from "../devnet/evm/index.ts";
import { systemClock } from "../src/clock.ts";
import { createLog } from "../src/log.ts";
import type { PaymentTerms } from "../src/rails/rail.ts";
import { rails } from "../src/rails/index.ts";
import type { Size } from "./main.ts";
import { median, percentile, type Row } from "./report.ts";

const PAYMENTS = 400;
const AT_ONCE = 32;
const ROUNDS = 3;
const ATOMIC = 6_210_000n;
const SELLER = "0x1111111111111111111111111111111111111111";

interface Payment {
  readonly payload: PaymentPayload;
  readonly terms: PaymentRequirements;
}

/** True when it is a good payment. */
type Check = (payment: Payment) => Promise<boolean>;

/**
 * Payments verified per second, the signature and the chain's word both, in one process: ours against the reference
 * scheme on a viem client, plain and with batches. The same good payments, from as many payers, on the same local chain; in turns.
 */
export async function* verify(size: Size): AsyncGenerator<Row> {
  const devnet = await startEvmDevnet({ blockTimeMs: "manual" });
  try {
    const payments: Payment[] = [];
    const count = size.isSmall ? AT_ONCE : PAYMENTS;
    while (payments.length < count) payments.push(await newPayment(devnet));
    yield* measure(size, payments, {
      own: ownCheck(devnet),
      plain: referenceCheck(devnet, http(devnet.url)),
      batched: referenceCheck(devnet, http(devnet.url, { batch: true })),
    });
  } finally {
    await devnet.close();
  }
}

type Contestant = "batched" | "own" | "plain";

const BASELINES = [
  ["plain", "@x402/evm with a plain viem client"],
  ["batched", "@x402/evm with a viem client that sends calls in batches"],
] as const;

async function* measure(
  size: Size,
  payments: readonly Payment[],
  contest: Readonly<Record<Contestant, Check>>,
): AsyncGenerator<Row> {
  const seconds = size.isSmall ? 0.3 : size.seconds;
  const contestants = Object.keys(contest) as Contestant[];
  if (!size.isSmall) for (const one of contestants) await run(contest[one], payments, 1);
  const rounds: Record<Contestant, Round[]> = { own: [], plain: [], batched: [] };
  for (let left = size.isSmall ? 1 : ROUNDS; left > 0; left--)
    for (const one of contestants) rounds[one].push(await run(contest[one], payments, seconds));
  const perSecond = (of: Contestant): number => median(rounds[of].map((round) => round.perSecond));
  const ownTimes = rounds.own.flatMap((round) => round.timesMs);
  for (const [contestant, baseline] of BASELINES)
    yield {
      bench: "x402",
      metric: "verified_per_s",
      value: perSecond("own"),
      baseline,
      baselineValue: perSecond(contestant),
      p50Ms: percentile(ownTimes, 0.5),
      p99Ms: percentile(ownTimes, 0.99),
      note: `USDC by EIP-3009, ${AT_ONCE} at once, the chain on the same machine`,
    };
}

interface Round {
  readonly perSecond: number;
  readonly timesMs: readonly number[];
}

async function run(check: Check, payments: readonly Payment[], seconds: number): Promise<Round> {
  const timesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + seconds * 1_000;
  let next = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < endMs) {
      const payment = payments[next++ % payments.length];
      if (payment === undefined) return;
      const beginMs = performance.now();
      if (!(await check(payment))) throw new Error("a good payment was refused");
      timesMs.push(performance.now() - beginMs);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, caller));
  return { perSecond: (timesMs.length * 1_000) / (performance.now() - startMs), timesMs };
}

async function newPayment(devnet: EvmDevnet): Promise<Payment> {
  const { usdc, chainId } = devnet;
  const payer = privateKeyToAccount(generatePrivateKey());
  await devnet.fund(payer.address, { usdc: ATOMIC });
  const terms: PaymentRequirements = {
    scheme: "exact",
    network: `eip155:${chainId}`,
    amount: ATOMIC.toString(),
    asset: usdc,
    payTo: SELLER,
    maxTimeoutSeconds: 3_600,
    extra: { name: "USD Coin", version: "2" },
  };
  const { payload } = await new ClientScheme(payer).createPaymentPayload(2, terms);
  return { terms, payload: { x402Version: 2, accepted: terms, payload } };
}

function ownCheck({ url, chainId, accounts }: EvmDevnet): Check {
  const module = rails["evm-x402"];
  const relayKey = accounts[0]?.privateKey ?? "";
  const parsed = module.parseForOthers(String(chainId), { RPC: url, RELAY_KEYS: relayKey });
  if (parsed.kind === "problems") throw new Error(parsed.problems.join("; "));
  const log = createLog({ level: "error", now: () => 0, write: () => {} });
  const { x402 } = module.openForOthers(parsed.config, { clock: systemClock, log });
  return async ({ payload, terms }) => {
    const read = x402.read(2, payload, terms as PaymentTerms);
    if (read.kind === "invalid") return false;
    return (await x402.verify(read.authorization)).kind === "done";
  };
}

function referenceCheck({ url, chainId, accounts }: EvmDevnet, transport: HttpTransport): Check {
  const account = privateKeyToAccount(accounts[1]?.privateKey ?? "0x");
  const chain = defineChain({
    id: chainId,
    name: "local",
    nativeCurrency: { name: "POL", symbol: "POL", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const client = createWalletClient({ account, chain, transport }).extend(publicActions);
  const signer = toFacilitatorEvmSigner(
    client as unknown as Parameters<typeof toFacilitatorEvmSigner>[0],
  );
  const facilitator = new x402Facilitator().register(
    `eip155:${chainId}`,
    new ExactEvmScheme(signer),
  );
  return async ({ payload, terms }) => (await facilitator.verify(payload, terms)).isValid;
}
