import { expect, test } from "vitest";
import { JAPAN_WEEK } from "../../../tests/fixtures/plan.ts";
import { productContract } from "../../../tests/contracts/product.ts";
import { planIdOf, type Plan } from "../plan.ts";
import { pieceOf } from "../product.ts";
import { travelEsim } from "./index.ts";

const plan: Plan = { id: planIdOf(JAPAN_WEEK), facts: JAPAN_WEEK, priceUsdMicro: 2_040_000n };
const plans = new Map([[plan.id, plan]]);
const LPA = "LPA:1$rsp.sim.example$0123456789ABCDEF0123456789ABCDEF";
const goods = {
  iccid: "89999000000000000016",
  activation_code: LPA,
  apn: "internet",
  data_bytes: "1073741824",
  validity_days: "7",
  validity_starts: "install",
  install_before: "2027-05-20T00:00:00.000Z",
  countries: "JP",
};

productContract({
  product: travelEsim,
  plans,
  fields: { plan_id: plan.id },
  goods,
});

test("a plan is ordered by its id, alone, at the price of the catalogue", () => {
  const read = travelEsim.read({ plan_id: plan.id }, plans);
  expect(read).toEqual(travelEsim.read({ plan_id: plan.id, quantity: 1 }, plans));
  expect(read?.priceUsdMicro).toBe(2_040_000n);
  expect(pieceOf(read?.request ?? {})).toEqual({
    kind: "plan",
    planId: plan.id,
    facts: JAPAN_WEEK,
  });
});

test.each([0, 2, 1.5, "1", null])("a quantity of %j is not sold", (quantity) => {
  expect(travelEsim.read({ plan_id: plan.id, quantity }, plans)).toBeNull();
});

test("a plan that is not on sale is no piece", () => {
  expect(
    travelEsim.read({ plan_id: planIdOf({ ...JAPAN_WEEK, validityDays: 8 }) }, plans),
  ).toBeNull();
});

test("everything but the pictures follows from the activation code", async () => {
  const { qr_svg: svg, qr_png: png, ...texts } = await travelEsim.view(goods);
  expect(texts).toEqual({
    ...goods,
    smdp_address: "rsp.sim.example",
    matching_id: "0123456789ABCDEF0123456789ABCDEF",
    confirmation_code: null,
    ios_install_url: `https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=${LPA}`,
    android_install_url: `https://esimsetup.android.com/esim_qrcode_provisioning?carddata=${LPA}`,
  });
  expect(svg).toMatch(/^<svg /);
  expect(png).toMatch(/^data:image\/png;base64,iVBOR/);
});

test("a confirmation code that the supplier gave is read with the rest", async () => {
  const view = await travelEsim.view({ ...goods, confirmation_code: "1234" });
  expect(view).toMatchObject({ confirmation_code: "1234" });
});

test("goods without a readable activation code are a bug, not a picture of nothing", async () => {
  await expect(travelEsim.view({ ...goods, activation_code: "LPA:1$" })).rejects.toThrow(
    "without a readable activation code",
  );
});
