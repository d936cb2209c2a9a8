import { readFileSync } from "node:fs";
import {
  type Address,
  concat,
  encodeAbiParameters,
  getContractAddress,
  type Hex,
  keccak256,
  parseAbi,
  stringToHex,
  zeroHash,
} from "viem";

/** A contract before it is on the chain: what to deploy, and where it will be. */
export interface Deployable {
  readonly address: Address;
  /** Constructor code with its arguments. */
  readonly initCode: Hex;
}

/** The contracts behind the deposit addresses of one treasury. */
export interface DepositContracts {
  /** The code that every deposit address lends, with the treasury in it. */
  readonly forwarder: Deployable;
  readonly factory: Deployable;
  /** Hash of the constructor code of a deposit address, the same for all. */
  readonly cloneHash: Hex;
}

/**
 * The CREATE2 deployer that lies at the same address on every chain (github.com/Arachnid/deterministic-deployment-proxy):
 * called with a salt and code, it deploys the code.
 */
export const CREATE2_DEPLOYER: Address = "0x4e59b44847b379578588920cA78FbF26c0B4956C";
/** All that is deployed differs in its code, so one salt is enough. */
export const DEPLOY_SALT: Hex = zeroHash;

export const FACTORY_ABI = parseAbi([
  "function addressOf(bytes32 id) view returns (address)",
  "function flush(bytes32 id, address token) returns (uint256)",
  "function flushMany(bytes32[] ids, address token) returns (uint256)",
]);

/**
 * The contracts of a treasury. Their addresses follow from the committed code and the treasury, so what lies there
 * can be nothing else: no address needs to be believed.
 */
export function depositContracts(treasury: Address): DepositContracts {
  const forwarder = deployable("DepositForwarder", treasury);
  const factory = deployable("DepositFactory", forwarder.address);
  const cloneHash = keccak256(concat(["0x3d602d80600a3d3981f3", cloneCode(forwarder.address)]));
  return { forwarder, factory, cloneHash };
}

function deployable(name: "DepositForwarder" | "DepositFactory", argument: Address): Deployable {
  const initCode = concat([
    constructorCode(name),
    encodeAbiParameters([{ type: "address" }], [argument]),
  ]);
  const create2 = { opcode: "CREATE2", from: CREATE2_DEPLOYER, salt: DEPLOY_SALT } as const;
  return { address: getContractAddress({ ...create2, bytecode: initCode }), initCode };
}

function constructorCode(name: string): Hex {
  const file = new URL(`../../../contracts/evm/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly bytecode: Hex }).bytecode;
}

/** The id by which the factory knows an order. */
export function depositId(orderId: string): Hex {
  return keccak256(stringToHex(orderId));
}

/** Where an order is paid: known before anything is there. */
export function depositAddress({ factory, cloneHash }: DepositContracts, orderId: string): Address {
  const salt = depositId(orderId);
  const { address: from } = factory;
  return getContractAddress({ opcode: "CREATE2", from, salt, bytecodeHash: cloneHash });
}

/**
 * The code of a deposit address once it has been emptied (ERC-1167). What such an address sends to the treasury is
 * money that was counted when it came in: no deposit of any rail.
 */
export function cloneCode(forwarder: Address): Hex {
  return concat([
    "0x363d3d373d3d3d363d73",
    forwarder,
    "0x5af43d82803e903d91602b57fd5bf3",
  ]).toLowerCase() as Hex;
}
