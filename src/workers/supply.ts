import type { Candidate } from "../suppliers/choose.ts";
import type { SupplierBoard } from "./supplier-board.ts";

/** The board as the choice of a supplier needs it: offers that are too old are none. */
export function candidatesOf(
  board: Pick<SupplierBoard, "news">,
  oldestMs: number,
): readonly Candidate[] {
  return board.news().map(({ supplierId, offers, offersAtMs, breaker }) => ({
    supplierId,
    offers: offersAtMs !== null && offersAtMs >= oldestMs ? offers : null,
    breaker,
  }));
}
