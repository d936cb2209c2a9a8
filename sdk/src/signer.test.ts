import { mkdtempSync, rmSync } from "node:fs";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import path from "node:path";
import ows from "@open-wallet-standard/core";
import { Keypair } from "@stellar/stellar-sdk";
import { expect, onTestFinished, test } from "vitest";
import { WalletError } from "./pay/errors.ts";
import { InvalidOptionError } from "./errors.ts";
import { isSignatureOf, keypairSigner, owsSigner, signChecked } from "./signer.ts";

function temporaryVault(): string {
  const vault = mkdtempSync(path.join(tmpdir(), "vend402-vault-"));
  onTestFinished(() => rmSync(vault, { recursive: true }));
  return vault;
}

test("a secret key signs what the Stellar SDK accepts as that key's signature", async () => {
  const pair = Keypair.random();
  const signer = keypairSigner(pair.secret());
  const hash = randomBytes(32);
  const signature = await signChecked(signer, hash);
  expect(signer.publicKey).toBe(pair.publicKey());
  expect(Keypair.fromPublicKey(signer.publicKey).verify(hash, signature)).toBe(true);
  expect(isSignatureOf(Keypair.random().publicKey(), hash, signature)).toBe(false);
});

test("a malformed secret key is refused without being shown", () => {
  const secret = `${Keypair.random().secret().slice(0, 55)}0`;
  expect(() => keypairSigner(secret)).toThrow(InvalidOptionError);
  expect(() => keypairSigner(secret)).not.toThrow(secret.slice(0, 10));
});

test("a signer that signs something else is found out", async () => {
  const signer = keypairSigner(Keypair.random().secret());
  const wrapping = {
    ...signer,
    signHash: (hash: Uint8Array) => signer.signHash(Buffer.from(hash).toReversed()),
  };
  const short = { ...signer, signHash: () => new Uint8Array(63) };
  for (const bad of [wrapping, short])
    await expect(signChecked(bad, randomBytes(32))).rejects.toThrow(WalletError);
});

test("a vault wallet signs for the Stellar spelling of its Solana key", async () => {
  const vault = temporaryVault();
  const created = ows.createWallet("agent", "correct horse", 12, vault);
  const signer = await owsSigner({ wallet: "agent", credential: "correct horse", vault });
  const solana = created.accounts.find(({ chainId }) => chainId.startsWith("solana"));
  expect(signer.publicKey).toMatch(/^G[A-Z2-7]{55}$/);
  expect(solana?.derivationPath).toBe("m/44'/501'/0'/0'");
  const hash = randomBytes(32);
  const signature = await signChecked(signer, hash);
  expect(Keypair.fromPublicKey(signer.publicKey).verify(hash, signature)).toBe(true);
});

test("an imported Stellar key has the same address in the vault as on chain", async () => {
  const vault = temporaryVault();
  const pair = Keypair.random();
  const seed = Buffer.from(pair.rawSecretKey()).toString("hex");
  ows.importWalletPrivateKey(
    "imported",
    "",
    "pass",
    vault,
    null,
    randomBytes(32).toString("hex"),
    seed,
  );
  const signer = await owsSigner({ wallet: "imported", credential: "pass", vault });
  expect(signer.publicKey).toBe(pair.publicKey());
});

test("an API key of the vault signs in place of the passphrase", async () => {
  const vault = temporaryVault();
  const { id } = ows.createWallet("agent", "pass", 12, vault);
  const policy = {
    id: "p",
    name: "p",
    version: 1,
    created_at: "2026-01-01T00:00:00Z",
    rules: [{ type: "allowed_chains", chain_ids: ["solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"] }],
    action: "deny",
  };
  ows.createPolicy(JSON.stringify(policy), vault);
  const { token } = ows.createApiKey("agent key", [id], ["p"], "pass", null, vault);
  const signer = await owsSigner({ wallet: "agent", credential: token, vault });
  await expect(signChecked(signer, randomBytes(32))).resolves.toHaveLength(64);
});

test("a wrong credential or wallet is a wallet error that shows no credential", async () => {
  const vault = temporaryVault();
  ows.createWallet("agent", "right", 12, vault);
  const signer = await owsSigner({ wallet: "agent", credential: "wrong-credential", vault });
  const error = await signChecked(signer, randomBytes(32)).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(WalletError);
  expect(String(error)).not.toContain("wrong-credential");
  await expect(owsSigner({ wallet: "nobody", credential: "x", vault })).rejects.toThrow(
    WalletError,
  );
});
