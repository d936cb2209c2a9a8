/** A local TON chain behind toncenter's API v2: the sandbox's TVM, a jetton like USDT, and faults on demand. */
export type { Controls, Gift } from "./control.ts";
export type { Fault, Faults } from "./faults.ts";
export type { JettonLock } from "./jetton.ts";
export type { LiteFault, LiteFaults } from "./lite-server/faults.ts";
export type { LiteServer } from "./lite-server/server.ts";
export type { Pruning } from "./ledger.ts";
export { type BlockTime, startTonDevnet, type TonDevnet, type TonDevnetOptions } from "./start.ts";
