import { checkDigit } from "../card-number.ts";
import type { Clock } from "../clock.ts";
import { decimalDigits, hexDigits } from "../random.ts";
import { findPackage, type EsimPackage } from "./catalogue.ts";
import type { EsimErrorCode } from "./envelope.ts";
import type { EsimLedger, EsimOrder, Profile } from "./ledger.ts";

/** Money here is an integer; 10000 is 1.00 USD. */
export interface EsimTerms {
  readonly seed: string;
  readonly openingBalance: number;
  /** Profiles for sale. */
  readonly stock: number;
}

export interface OrderRequest {
  readonly transactionId: string;
  /** What the buyer expects all of it to cost; undefined for no such guard. */
  readonly amount: number | undefined;
  /** A code or a slug. */
  readonly packageName: string;
  readonly count: number;
  /** What the buyer expects one to cost; undefined for no such guard. */
  readonly price: number | undefined;
}

/** How the caller wants one order to run. */
export interface OrderManner {
  /** Milliseconds until the profiles are allocated. */
  readonly allocationMs: number;
  /** Sell even when the transactionId has an order. */
  readonly ignoresReference: boolean;
}

export interface EsimSeller {
  balance(): number;
  order(request: OrderRequest, manner: OrderManner): EsimOrder | EsimErrorCode;
  /** Null when it is cancelled now. */
  cancel(isMeant: (profile: Profile) => boolean): EsimErrorCode | null;
}

/** The supplier's business: prices, stock, balance, orders. Knows nothing of HTTP or faults. */
export function openSeller(terms: EsimTerms, ledger: EsimLedger, clock: Clock): EsimSeller {
  const kept = ({ profiles }: EsimOrder): number =>
    profiles.filter((profile) => profile.cancelledAtMs === null).length;
  const balance = (): number =>
    ledger.orders().reduce((left, sold) => left - kept(sold) * sold.price, terms.openingBalance);
  const stock = (): number =>
    ledger.orders().reduce((left, sold) => left - sold.profiles.length, terms.stock);

  function order(request: OrderRequest, manner: OrderManner): EsimOrder | EsimErrorCode {
    const earlier = ledger.orders().filter((one) => one.transactionId === request.transactionId);
    const [first] = earlier;
    // The first request stands, whatever the repeated one says.
    if (first !== undefined && !manner.ignoresReference) return first;
    const wanted = findPackage(request.packageName);
    if (wanted === null) return "310241";
    const cost = wanted.price * request.count;
    if (request.price !== undefined && request.price !== wanted.price) return "200005";
    if (request.amount !== undefined && request.amount !== cost) return "200006";
    if (stock() < request.count) return "200011";
    if (balance() < cost) return "200007";
    const sold = makeOrder([terms.seed, request.transactionId, earlier.length], {
      request,
      wanted,
      orderedAtMs: clock.now(),
      allocationMs: manner.allocationMs,
    });
    ledger.order(sold);
    return sold;
  }

  return {
    balance,
    order,
    cancel: (isMeant) => {
      for (const one of ledger.orders()) {
        const profile = one.profiles.find(isMeant);
        if (profile === undefined) continue;
        if (clock.now() < one.allocatedAtMs) return "200002";
        if (profile.downloadedAtMs !== null || profile.cancelledAtMs !== null) return "200002";
        ledger.cancel(profile.esimTranNo, clock.now());
        return null;
      }
      return "310272";
    },
  };
}

function makeOrder(
  labels: [string, string, number],
  sale: {
    readonly request: OrderRequest;
    readonly wanted: EsimPackage;
    readonly orderedAtMs: number;
    readonly allocationMs: number;
  },
): EsimOrder {
  const { request, wanted, orderedAtMs, allocationMs } = sale;
  const day = new Date(orderedAtMs).toISOString().slice(2, 10).replaceAll("-", "");
  return {
    orderNo: `B${day}${decimalDigits(8, ...labels, "order")}`,
    transactionId: request.transactionId,
    packageCode: wanted.packageCode,
    price: wanted.price,
    orderedAtMs,
    allocatedAtMs: orderedAtMs + allocationMs,
    profiles: Array.from({ length: request.count }, (_, index): Profile => {
      // 999 is no country's code: no such card exists.
      const iccid = `89999${decimalDigits(14, ...labels, index, "iccid")}`;
      return {
        esimTranNo: `${day}${decimalDigits(10, ...labels, index, "tran")}`,
        iccid: `${iccid}${checkDigit(iccid)}`,
        imsi: `99999${decimalDigits(10, ...labels, index, "imsi")}`,
        ac: `LPA:1$rsp.sim.example$${hexDigits(32, ...labels, index, "ac").toUpperCase()}`,
        downloadedAtMs: null,
        cancelledAtMs: null,
      };
    }),
  };
}
