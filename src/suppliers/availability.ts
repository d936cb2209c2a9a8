import { chooseSupplier, type Candidate } from "./choose.ts";

/** Whether a piece of this face value can be sold at this moment. */
export type Availability =
  | { readonly kind: "available" }
  /** Others can be sold, this one cannot; both ends are allowed prices, USD with 6 decimals. */
  | {
      readonly kind: "out_of_range";
      readonly minUsdMicro: bigint;
      readonly maxUsdMicro: bigint;
    }
  | { readonly kind: "unavailable" };

/**
 * What can be promised before any money moves. `faceUsdMicro` null asks whether anything can be sold at all.
 * Pure.
 */
export function availabilityOf(
  wish: { readonly product: string; readonly maxCostBps: bigint },
  faceUsdMicro: bigint | null,
  candidates: readonly Candidate[],
): Availability {
  const canBuy = (face: bigint): boolean =>
    chooseSupplier(
      {
        product: wish.product,
        piece: { kind: "face", faceUsdMicro: face },
        maxCostUsdMicro: (face * wish.maxCostBps) / 10_000n,
        rejectedBy: [],
      },
      candidates,
    ).supplierId !== null;
  if (faceUsdMicro !== null && canBuy(faceUsdMicro)) return { kind: "available" };
  const ranges = candidates
    .flatMap(({ offers }) => offers ?? [])
    .filter((offer) => offer.kind === "face")
    .filter(({ product }) => product === wish.product)
    .filter((offer) => canBuy(offer.minFaceUsdMicro) || canBuy(offer.maxFaceUsdMicro));
  const [first, ...others] = ranges;
  if (first === undefined) return { kind: "unavailable" };
  if (faceUsdMicro === null) return { kind: "available" };
  return {
    kind: "out_of_range",
    minUsdMicro: others.reduce(
      (min, { minFaceUsdMicro: at }) => (at < min ? at : min),
      first.minFaceUsdMicro,
    ),
    maxUsdMicro: others.reduce(
      (max, { maxFaceUsdMicro: at }) => (at > max ? at : max),
      first.maxFaceUsdMicro,
    ),
  };
}
