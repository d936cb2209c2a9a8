import type { Unreadable } from "../../rails/rail.ts";
import type { Linked } from "./history.ts";
import { type Credit, readCredit } from "./transfers.ts";

/** What a transaction of one of our jetton wallets means to us. */
export type Entry =
  | { readonly kind: "none" }
  | { readonly kind: "unreadable"; readonly unreadable: Unreadable }
  /** `from`: raw address of who paid. */
  | { readonly kind: "credit"; readonly credit: Credit; readonly from: string };

const MAX_RAW_CHARACTERS = 2_000;

export function readEntry({ link, transaction }: Linked): Entry {
  const read = readCredit(transaction);
  if (read.kind === "none") return read;
  if (read.kind === "credit") {
    const { credit } = read;
    // Costs its sender nothing but gas, and pays for nothing.
    if (credit.atomic === 0n) return { kind: "none" };
    if (credit.from !== null) return { kind: "credit", credit, from: credit.from };
  }
  const reason = read.kind === "odd" ? read.reason : "the minter made it: nobody has paid";
  const raw = transaction.raw.toBoc().toString("base64").slice(0, MAX_RAW_CHARACTERS);
  const unreadable = { txId: link.hash, index: 0, height: Number(link.lt), reason, raw };
  return { kind: "unreadable", unreadable };
}
