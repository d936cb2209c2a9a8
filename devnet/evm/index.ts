/** A local EVM chain that poses as Polygon: anvil, test tokens, Permit2, and faults on demand. */
export { type DevAccount } from "./anvil.ts";
export type { Controls, Gift } from "./control.ts";
export type { Fault, Faults } from "./faults.ts";
export type { Address, Hex } from "./hex.ts";
export { type Rpc, RpcError } from "./rpc.ts";
export {
  type BlockTime,
  type EvmDevnet,
  type EvmDevnetOptions,
  type Kept,
  startEvmDevnet,
} from "./start.ts";
