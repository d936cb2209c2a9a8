import { Type } from "typebox";
import { Compile } from "typebox/compile";
import type { SupplierHint } from "../supplier.ts";

const orderStatus = Compile(
  Type.Object({
    notifyType: Type.Literal("ORDER_STATUS"),
    content: Type.Object({ transactionId: Type.String({ pattern: "^[a-z0-9_]{1,50}$" }) }),
  }),
);

/**
 * The attempt that an unsigned hook is about: only that an order's status changed. The health check at
 * saving the address, usage and device events are about none.
 */
export function readHint(body: unknown): SupplierHint | null {
  return orderStatus.Check(body) ? { attemptId: body.content.transactionId } : null;
}
