/** An agent's wallet in an Open Wallet Standard vault of its own. */
import { randomBytes } from "node:crypto";
import { owsSigner, type Signer } from "../../sdk/src/index.ts";

export interface OwsWallet {
  readonly wallet: string;
  readonly credential: string;
  readonly vault: string;
  readonly signer: Signer;
}

/** Null where the package has no build for this system. */
export async function createOwsWallet(vault: string): Promise<OwsWallet | null> {
  const loaded = await import("@open-wallet-standard/core").catch(() => null);
  if (loaded === null) return null;
  const wallet = "demo-agent";
  const credential = randomBytes(16).toString("hex");
  loaded.createWallet(wallet, credential, 12, vault);
  return { wallet, credential, vault, signer: await owsSigner({ wallet, credential, vault }) };
}
