import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { xdr } from "@stellar/stellar-sdk";

/** Checks one envelope's signatures against several accounts and remembers which were of use. */
export interface SignatureChecker {
  /** Do the signatures of these signers add up to the weight? At least one is needed. */
  reaches(signers: readonly xdr.Signer[], neededWeight: number): boolean;
  allUsed(): boolean;
}

export interface SignedContents {
  readonly contentsHash: Uint8Array;
  readonly signatures: readonly xdr.DecoratedSignature[];
  readonly verified: Map<string, boolean>;
}

/** The account's own key with its master weight, then the added signers. */
export function signersOf(account: xdr.AccountEntry): xdr.Signer[] {
  const masterWeight = account.thresholds.value[0] ?? 0;
  const master = ownKey(account.accountId, masterWeight);
  return masterWeight > 0 ? [master, ...account.signers] : account.signers;
}

/** Who may sign for an account that does not exist (yet): its own key. */
export function ownKey(id: xdr.PublicKey, weight = 1): xdr.Signer {
  return new xdr.Signer({ key: xdr.SignerKey.signerKeyTypeEd25519(id.ed25519), weight });
}

export function createSignatureChecker(contents: SignedContents): SignatureChecker {
  const { contentsHash, signatures } = contents;
  const used = new Set<number>();

  function isSignedBy(index: number, key: xdr.SignerKey): boolean {
    const signature = signatures[index];
    if (!signature) return false;
    const id = `${index}:${key.toXdr("base64")}:${Buffer.from(contentsHash).toString("base64")}`;
    const known = contents.verified.get(id);
    if (known !== undefined) return known;
    const valid = isSignatureOf(key, signature, contentsHash);
    contents.verified.set(id, valid);
    return valid;
  }

  return {
    reaches(signers, neededWeight) {
      let weight = 0;
      const open = [...signers];
      for (const signer of signers.filter((one) => isPreauthorized(one.key, contentsHash))) {
        weight += Math.min(255, signer.weight);
        if (weight >= neededWeight) return true;
      }
      for (const kind of SIGNED_KINDS) {
        for (const index of signatures.keys()) {
          const at = open.findIndex(({ key }) => key.type === kind && isSignedBy(index, key));
          const [signer] = at < 0 ? [] : open.splice(at, 1);
          if (!signer) continue;
          used.add(index);
          weight += Math.min(255, signer.weight);
          if (weight >= neededWeight) return true;
        }
      }
      return false;
    },
    allUsed: () => used.size === signatures.length,
  };
}

/** In the order in which the network spends signatures. */
const SIGNED_KINDS = [
  "signerKeyTypeHashX",
  "signerKeyTypeEd25519",
  "signerKeyTypeEd25519SignedPayload",
] as const;

/** A signer that is the transaction's hash: it needs no signature. */
export function isPreauthorized(key: xdr.SignerKey, contentsHash: Uint8Array): boolean {
  return key.type === "signerKeyTypePreAuthTx" && equal(key.preAuthTx.value, contentsHash);
}

function isSignatureOf(
  key: xdr.SignerKey,
  { hint, signature }: xdr.DecoratedSignature,
  contentsHash: Uint8Array,
): boolean {
  switch (key.type) {
    case "signerKeyTypeEd25519":
      return (
        equal(hint.value, key.ed25519.value.slice(-4)) &&
        isEd25519(key.ed25519.value, contentsHash, signature.value)
      );
    case "signerKeyTypeHashX": {
      const digest = createHash("sha256").update(signature.value).digest();
      return equal(hint.value, key.hashX.value.slice(-4)) && equal(digest, key.hashX.value);
    }
    case "signerKeyTypeEd25519SignedPayload": {
      const { ed25519, payload } = key.ed25519SignedPayload;
      return (
        equal(hint.value, payloadHint(ed25519.value, payload)) &&
        isEd25519(ed25519.value, payload, signature.value)
      );
    }
    case "signerKeyTypePreAuthTx":
      return false;
  }
}

/** CAP-40: the last four bytes of key and payload, mixed; a short payload is filled with zeros. */
function payloadHint(key: Uint8Array, payload: Uint8Array): Uint8Array {
  const tail = new Uint8Array(4);
  tail.set(payload.slice(-4));
  return key.slice(-4).map((byte, index) => byte ^ (tail[index] ?? 0));
}

const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");
const KEYS_KEPT = 256;
const keys = new Map<string, KeyObject>();

function isEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false;
  return verify(null, message, keyObject(publicKey), signature);
}

/** Making the key costs more than the check. */
function keyObject(publicKey: Uint8Array): KeyObject {
  const name = Buffer.from(publicKey).toString("base64");
  const known = keys.get(name);
  if (known) return known;
  const der = Buffer.concat([SPKI_PREFIX, publicKey]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  if (keys.size >= KEYS_KEPT) keys.clear();
  keys.set(name, key);
  return key;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
