import type { Card } from "#wire";
import type { EsimView } from "#wire/x402";
import { assert } from "../../errors.ts";
import type { Order } from "../../orders/order.ts";
import type { GoodsView } from "../../products/product.ts";
import type { HttpDeps } from "../deps.ts";

type GoodsDeps = Pick<HttpDeps, "openGoods" | "products" | "store">;

/** A delivered order's goods, opened and made readable anew at every call: they are never kept in memory. */
export async function readGoods(
  { openGoods, products, store }: GoodsDeps,
  order: Order,
): Promise<{ readonly esim: EsimView } | { readonly card: Card }> {
  const row = await store.read.goods.ofOrder(order.id);
  assert(row !== null, "a delivered order has no goods");
  const goods = openGoods(row.attemptId, row.sealed);
  const { prepaidCard, travelEsim } = products;
  if (order.product === travelEsim.id) return { esim: esimOf(await travelEsim.view(goods)) };
  assert(order.product === prepaidCard.id, "an order is for a product that is not known");
  return { card: cardOf(await prepaidCard.view(goods)) };
}

function esimOf(view: GoodsView): EsimView {
  const text = textOf(view);
  return {
    iccid: text("iccid"),
    activation_code: text("activation_code"),
    smdp_address: text("smdp_address"),
    matching_id: text("matching_id"),
    confirmation_code: view["confirmation_code"] ?? null,
    qr_svg: text("qr_svg"),
    qr_png: text("qr_png"),
    ios_install_url: text("ios_install_url"),
    android_install_url: text("android_install_url"),
    apn: text("apn"),
    data_bytes: Number(text("data_bytes")),
    validity_days: Number(text("validity_days")),
    validity_starts: text("validity_starts"),
    install_before: text("install_before"),
    countries: text("countries").split(","),
  };
}

function cardOf(view: GoodsView): Card {
  const text = textOf(view);
  return {
    number: text("number"),
    cvv: text("cvv"),
    expiry: text("expiry"),
    brand: text("brand"),
  };
}

function textOf(view: GoodsView): (name: string) => string {
  return (name) => {
    const value = view[name];
    assert(typeof value === "string", `the goods have no ${name}`);
    return value;
  };
}
