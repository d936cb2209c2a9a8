export { startCardSupplier } from "./card-supplier.ts";
export type { CardSupplier, CardSupplierOptions } from "./card-supplier.ts";
export type { Clock } from "./clock.ts";
export { faultKinds, magicFaceValues } from "./card-faults.ts";
export type { Call, FaultKind, FaultRule } from "./card-faults.ts";
export { FaultRuleError } from "./fault-rule.ts";
export type { ActiveFault, Faults } from "./faults.ts";
export type { SoldCard } from "./ledger.ts";
