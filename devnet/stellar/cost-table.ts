import { xdr } from "@stellar/stellar-sdk";

/**
 * What testnet charges its contracts for each kind of work, in the order of ContractCostType: pairs of a
 * constant and a linear term. Kinds after BLS12-381 cost nothing here.
 * Source: soroban-settings/testnet_settings_upgrade.json of stellar-core.
 */
type CostTable = readonly (readonly [constTerm: number, linearTerm: number])[];

// oxfmt-ignore
const CPU_INSTRUCTIONS: CostTable = [
  [4, 0], [434, 16], [42, 16], [44, 16], [295, 0], [60, 0], [221, 26], [331, 4369], // values
  [3636, 7013], [40_256, 0], [377_551, 4059], // sha256, ed25519
  [417_482, 45_712], [41_142, 634], [1945, 0], // instances and calls
  [6481, 5943], [711, 0], [2_314_804, 0], // keccak, secp256k1
  [4176, 0], [4716, 0], [4680, 0], [4256, 0], [884, 0], [1059, 502], // 256-bit numbers, ChaCha20
  [73_077, 25_410], [0, 540_752], [0, 176_363], [0, 29_989], [0, 1_061_449], // parsing
  [0, 237_336], [0, 328_476], [0, 701_845], [0, 429_383], [0, 28],
  [43_030, 0], [0, 7556], [0, 10_711], [0, 3300], [0, 0], // instantiation
  [0, 23_038], [0, 42_488], [0, 828_974], [0, 297_100], [0, 14],
  [1882, 0], [3_000_906, 0], // secp256r1
  [661, 0], [985, 0], [1934, 0], [730_510, 0], [5921, 0], [1_057_822, 0], [92_642, 0], // BLS12-381
  [100_742, 0], [7689, 0], [2_458_985, 0], [2_426_722, 96_397_671], [1_541_554, 0],
  [3_211_191, 6713], [25_207, 0], [7_873_219, 0], [8_035_968, 309_667_335], [2_420_202, 0],
  [7_050_564, 6797], [10_558_948, 632_860_943], [1994, 0], [1155, 0], [74, 0], [332, 0],
  [691, 74_558], [35_421, 0],
];

// oxfmt-ignore
const MEMORY_BYTES: CostTable = [
  [0, 0], [16, 128], [0, 0], [0, 0], [0, 0], [0, 0], [242, 384], [0, 384], // values
  [0, 0], [0, 0], [0, 0], // sha256, ed25519
  [132_773, 4903], [69_472, 1217], [14, 0], // instances and calls
  [0, 0], [0, 0], [181, 0], // keccak, secp256k1
  [99, 0], [99, 0], [99, 0], [99, 0], [99, 0], [0, 0], // 256-bit numbers, ChaCha20
  [17_564, 6457], [0, 47_464], [0, 13_420], [0, 6285], [0, 64_670], // parsing
  [0, 29_074], [0, 48_095], [0, 103_229], [0, 36_394], [0, 257],
  [70_704, 0], [0, 14_613], [0, 6833], [0, 1025], [0, 0], // instantiation
  [0, 129_632], [0, 13_665], [0, 97_637], [0, 9176], [0, 126],
  [0, 0], [0, 0], // secp256r1
  [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], // BLS12-381
  [0, 0], [0, 0], [0, 0], [109_494, 354_667], [5552, 0],
  [9424, 0], [0, 0], [0, 0], [219_654, 354_667], [3344, 0],
  [6816, 0], [2204, 9_340_474], [0, 0], [248, 0], [0, 0], [0, 0],
  [0, 128], [0, 0],
];

/** ContractCostParams in base64 XDR. */
export const TESTNET_CPU_COST_PARAMS = encode(CPU_INSTRUCTIONS);
export const TESTNET_MEMORY_COST_PARAMS = encode(MEMORY_BYTES);

function encode(table: CostTable): string {
  const entries = table.map(
    ([constTerm, linearTerm]) =>
      new xdr.ContractCostParamEntry({
        ext: xdr.ExtensionPoint.v0(),
        constTerm: BigInt(constTerm),
        linearTerm: BigInt(linearTerm),
      }),
  );
  return xdr.encodeArray(xdr.ContractCostParamEntry, entries, "base64");
}
