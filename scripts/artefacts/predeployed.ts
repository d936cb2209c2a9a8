import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { startAnvil } from "../../devnet/evm/anvil.ts";
import { connect } from "../../devnet/evm/rpc.ts";
import { sha256 } from "./manifest.ts";

/**
 * Contracts that lie at one address on every chain, with the SHA-256 of their code as JSON has it. Anvil carries
 * them for one of the networks that it can imitate; that is where the committed copy is from.
 */
const PREDEPLOYED = {
  Permit2: {
    address: "0x000000000022D473030F116dDEE9F6B43aC78BA3",
    sha256: "1ffa9c60234082a090c8a7ecb11e7c6adb1fad6646e388d0ca62c63b6c2ffa33",
  },
  Multicall3: {
    address: "0xcA11bde05977b3631167028862bE2a173976CA11",
    sha256: "0fb6a9dbcc4e17098c35d4b821bfc8cc404ab2dbd195d75bee6ce914979ddbfd",
  },
} as const;

const FILE = "devnet/evm/contracts/predeployed.json";

/** The text of the committed file, as the installed anvil would have it. */
export async function readPredeployedFromAnvil(): Promise<string> {
  const anvil = await startAnvil({ args: ["--network", "tempo"] });
  try {
    const rpc = connect(anvil.url);
    const contracts: Record<string, unknown> = {};
    for (const [name, { address }] of Object.entries(PREDEPLOYED)) {
      contracts[name] = { address, code: await rpc("eth_getCode", [address, "latest"]) };
    }
    return `${JSON.stringify(contracts, null, 2)}\n`;
  } finally {
    await anvil.stop();
  }
}

export function committedPredeployed(root: string): string {
  return readFileSync(path.join(root, FILE), "utf8").replaceAll("\r\n", "\n");
}

export function commitPredeployed(root: string, text: string): void {
  writeFileSync(path.join(root, FILE), text);
}

/** What is wrong with the committed file, one sentence each, without starting anything. */
export function checkPredeployed(root: string): string[] {
  const committed = JSON.parse(committedPredeployed(root)) as Record<
    string,
    { readonly address: string; readonly code: string }
  >;
  return Object.entries(PREDEPLOYED).flatMap(([name, wanted]) => {
    const found = committed[name];
    const isRight = found?.address === wanted.address && sha256(found.code) === wanted.sha256;
    return isRight ? [] : [`evm-predeployed: ${name} is not the code it should be`];
  });
}
