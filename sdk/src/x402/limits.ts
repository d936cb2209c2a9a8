import { PaymentRefusedError } from "../pay/errors.ts";
import { checkMaxUsd, formatAtomic, parseAtomic } from "./amount.ts";
import type { PayerKind, Way, Ways } from "./payer.ts";

/** What a payment may be. */
export interface PayLimits {
  /** The most that the order may cost, in dollars: "10.00". Dollar tokens count as dollars. */
  readonly maxUsd: string;
  /** Only these networks, the first is preferred: "eip155:137". @default all */
  readonly network?: string | readonly string[] | undefined;
  /** Only these tokens, by symbol or address, the first is preferred: "USDC". @default all that are known */
  readonly asset?: string | readonly string[] | undefined;
}

/** A dollar token beside those that are known. */
export interface DollarToken {
  /** CAIP-2: "eip155:137". */
  readonly network: string;
  readonly address: string;
  /** "USDT" */
  readonly symbol: string;
  readonly decimals: number;
}

/** What a shop offers, with the token that it is in; null: nobody vouches for that token. */
export interface Offered {
  readonly network: string;
  readonly asset: string;
  readonly atomic: bigint;
  readonly token: Pick<DollarToken, "decimals" | "symbol"> | null;
}

/** Keeps what is within the limits, the preferred first; says why nothing is left. */
export function withinLimits(
  kind: PayerKind,
  offered: readonly Offered[],
  limits: PayLimits,
): Ways {
  checkMaxUsd(limits.maxUsd);
  const networks = listOf(limits.network);
  const assets = listOf(limits.asset);
  const wanted = offered.filter(
    (each) => rankNetwork(networks, each) >= 0 && rankAsset(assets, each) >= 0,
  );
  const known = wanted.filter(({ token }) => token !== null);
  const fitting = known.filter(({ atomic, token }) => {
    const cap = parseAtomic(limits.maxUsd, token?.decimals ?? 0);
    return cap !== null && atomic > 0n && atomic <= cap;
  });
  if (fitting.length === 0)
    return { ways: [], refusal: whyNone({ offered, wanted, known, limits }) };
  const ranked = fitting.toSorted(
    (a, b) =>
      rankNetwork(networks, a) - rankNetwork(networks, b) ||
      rankAsset(assets, a) - rankAsset(assets, b),
  );
  return { ways: ranked.map((each) => wayOf(kind, each)), refusal: null };
}

function wayOf(kind: PayerKind, { network, asset, atomic, token }: Offered): Way {
  const { decimals, symbol } = token ?? { decimals: 0, symbol: asset };
  return { kind, network, asset, symbol, amount: formatAtomic(atomic, decimals) };
}

function listOf(choice: string | readonly string[] | undefined): readonly string[] | null {
  if (choice === undefined) return null;
  return typeof choice === "string" ? [choice] : choice;
}

/** Place among the preferences; 0 without any, -1 when it is not among them. */
function rankNetwork(networks: readonly string[] | null, { network }: Offered): number {
  return networks === null ? 0 : networks.indexOf(network);
}

function rankAsset(assets: readonly string[] | null, { asset, token }: Offered): number {
  if (assets === null) return 0;
  const names = [asset, token?.symbol ?? ""].map((name) => name.toLowerCase());
  return assets.findIndex((each) => names.includes(each.toLowerCase()));
}

interface Sifted {
  readonly offered: readonly Offered[];
  readonly wanted: readonly Offered[];
  readonly known: readonly Offered[];
  readonly limits: PayLimits;
}

function whyNone({ offered, wanted, known, limits }: Sifted): PaymentRefusedError | null {
  if (offered.length === 0) return null;
  if (wanted.length === 0)
    return new PaymentRefusedError("asset_not_offered", {
      message: "The shop does not offer the network or the token that you want.",
      advice: "leave network and asset out, or choose among what is offered.",
      given: { offered: offered.map(shownOffer).join(", ") },
    });
  if (known.length === 0)
    return new PaymentRefusedError("wrong_asset", {
      message: "The shop asks for a token that is not known to be worth a dollar.",
      advice: "if you know the token, name it in tokens with its address and decimals.",
      given: { offered: wanted.map(shownOffer).join(", ") },
    });
  return new PaymentRefusedError("amount_over_cap", {
    message: "The order costs more than maxUsd.",
    advice: "compare the price; raise maxUsd only if it is right.",
    given: { price: known.map(shownOffer).join(", "), maxUsd: limits.maxUsd },
  });
}

function shownOffer({ network, asset, atomic, token }: Offered): string {
  if (token === null) return `${atomic.toString()} of ${asset} on ${network}`;
  return `${formatAtomic(atomic, token.decimals)} ${token.symbol} on ${network}`;
}
