import { assert } from "../../errors.ts";
import { storePlanRequest } from "../plan.ts";
import type { Goods, GoodsView, Product } from "../product.ts";
import { androidInstallUrl, iosInstallUrl, parseLpa } from "./lpa.ts";
import { qrPngDataUrl, qrSvg } from "./qr.ts";

const GOODS_FIELDS = [
  "iccid",
  "activation_code",
  "apn",
  "data_bytes",
  "validity_days",
  "validity_starts",
  "install_before",
  "countries",
] as const;

/**
 * A travel eSIM: one data plan of the catalogue as a profile to download. Its price is the plan's. One piece
 * per order, so that an order has one outcome.
 */
export const travelEsim: Product = {
  id: "travel-esim",
  // A profile is allocated within 30 s; the rest is for three tries of a failing wholesaler, 30 s in all.
  deadlineMs: 90_000,
  goodsFields: GOODS_FIELDS,
  viewFields: [
    ...GOODS_FIELDS,
    "smdp_address",
    "matching_id",
    "confirmation_code",
    "qr_svg",
    "qr_png",
    "ios_install_url",
    "android_install_url",
  ],
  read: ({ plan_id: planId, quantity = 1 }, plans) => {
    if (typeof planId !== "string" || quantity !== 1) return null;
    const plan = plans.get(planId);
    if (plan === undefined) return null;
    return {
      request: storePlanRequest(plan.id, plan.facts),
      priceUsdMicro: plan.priceUsdMicro,
    };
  },
  view,
};

/** Everything that follows from the activation code is made here, so that one sealed text says it all. */
async function view(goods: Goods): Promise<GoodsView> {
  const lpa = goods["activation_code"] ?? "";
  const code = parseLpa(lpa);
  assert(code !== null, "an eSIM was delivered without a readable activation code");
  const [svg, png] = await Promise.all([qrSvg(lpa), qrPngDataUrl(lpa)]);
  return {
    ...goods,
    smdp_address: code.smdpAddress,
    matching_id: code.matchingId,
    confirmation_code: goods["confirmation_code"] ?? null,
    qr_svg: svg,
    qr_png: png,
    ios_install_url: iosInstallUrl(lpa),
    android_install_url: androidInstallUrl(lpa),
  };
}
