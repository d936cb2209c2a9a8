export { startCardSupplier } from "./card-supplier.ts";
export type { CardSupplier, CardSupplierOptions } from "./card-supplier.ts";
export type { Clock } from "./clock.ts";
export { FaultRuleError, faultKinds } from "./fault-rule.ts";
export type { Call, FaultKind, FaultRule } from "./fault-rule.ts";
export { magicFaceValues } from "./faults.ts";
export type { ActiveFault, Faults } from "./faults.ts";
export type { SoldCard } from "./ledger.ts";
