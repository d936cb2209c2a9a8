import { openJournal } from "../journal.ts";

/** One profile of an order; `ac` is a secret and leaves this folder only as an API answer. */
export interface Profile {
  readonly esimTranNo: string;
  readonly iccid: string;
  readonly imsi: string;
  /** "LPA:1$rsp.sim.example$…" */
  readonly ac: string;
  /** Null until a device has it. */
  readonly downloadedAtMs: number | null;
  /** Null unless it was cancelled and paid back. */
  readonly cancelledAtMs: number | null;
}

/** An order that was accepted and paid. */
export interface EsimOrder {
  readonly orderNo: string;
  readonly transactionId: string;
  readonly packageCode: string;
  /** Of one profile; 10000 is 1.00 USD. */
  readonly price: number;
  readonly orderedAtMs: number;
  /** Until then every query answers that the profiles are being allocated. */
  readonly allocatedAtMs: number;
  readonly profiles: readonly Profile[];
}

/** What was really sold, without the secrets: the truth that a test compares the shop with. */
export interface SoldEsim {
  readonly orderNo: string;
  readonly transactionId: string;
  readonly esimTranNo: string;
  readonly packageCode: string;
  /** What the supplier took from the balance; 10000 is 1.00 USD. */
  readonly price: number;
  readonly status: "allocating" | "allocated" | "downloaded" | "cancelled";
  readonly soldAtMs: number;
}

type Line =
  | { readonly event: "ordered"; readonly order: EsimOrder }
  | {
      readonly event: "downloaded" | "cancelled";
      readonly esimTranNo: string;
      readonly atMs: number;
    }
  | { readonly event: "hook_saved"; readonly url: string }
  | { readonly event: "reset" };

export interface EsimLedger {
  order(order: EsimOrder): void;
  download(esimTranNo: string, atMs: number): void;
  cancel(esimTranNo: string, atMs: number): void;
  saveHook(url: string): void;
  reset(): void;
  /** In the order of sale. */
  orders(): readonly EsimOrder[];
  /** Where hooks go; null for nowhere. */
  hookUrl(): string | null;
}

/** The eSIMs sold so far, kept in `<dataDir>/esims.ndjson` or, for null, in memory only. */
export function openEsimLedger(dataDir: string | null): EsimLedger {
  const orders = new Map<string, EsimOrder>();
  let hookUrl: string | null = null;

  const mark = (esimTranNo: string, change: Partial<Profile>): void => {
    for (const order of orders.values()) {
      const profiles = order.profiles.map((profile) =>
        profile.esimTranNo === esimTranNo ? { ...profile, ...change } : profile,
      );
      orders.set(order.orderNo, { ...order, profiles });
    }
  };
  const write = openJournal<Line>(dataDir, "esims.ndjson", (line) => {
    switch (line.event) {
      case "ordered":
        orders.set(line.order.orderNo, line.order);
        return;
      case "downloaded":
        return mark(line.esimTranNo, { downloadedAtMs: line.atMs });
      case "cancelled":
        return mark(line.esimTranNo, { cancelledAtMs: line.atMs });
      case "hook_saved":
        hookUrl = line.url;
        return;
      case "reset":
        orders.clear();
        hookUrl = null;
    }
  });
  return {
    order: (order) => write({ event: "ordered", order }),
    download: (esimTranNo, atMs) => write({ event: "downloaded", esimTranNo, atMs }),
    cancel: (esimTranNo, atMs) => write({ event: "cancelled", esimTranNo, atMs }),
    saveHook: (url) => write({ event: "hook_saved", url }),
    reset: () => write({ event: "reset" }),
    orders: () => [...orders.values()],
    hookUrl: () => hookUrl,
  };
}

/** One line per profile. */
export function soldEsims(ledger: EsimLedger, nowMs: number): readonly SoldEsim[] {
  return ledger.orders().flatMap((order) =>
    order.profiles.map((profile) => ({
      orderNo: order.orderNo,
      transactionId: order.transactionId,
      esimTranNo: profile.esimTranNo,
      packageCode: order.packageCode,
      price: order.price,
      status: statusOf(order, profile, nowMs),
      soldAtMs: order.orderedAtMs,
    })),
  );
}

function statusOf(order: EsimOrder, profile: Profile, nowMs: number): SoldEsim["status"] {
  if (profile.cancelledAtMs !== null) return "cancelled";
  if (profile.downloadedAtMs !== null) return "downloaded";
  return nowMs < order.allocatedAtMs ? "allocating" : "allocated";
}
