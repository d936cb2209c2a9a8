import { createPrivateKey, randomBytes, sign, type KeyObject } from "node:crypto";

/** A key as Coinbase's developer platform gives it out. */
export interface CdpKey {
  readonly id: string;
  /** Ed25519: base64 of 64 bytes (seed and public key). Else an EC key (P-256) in PEM form. */
  readonly secret: string;
}

const VALID_S = 120;
const SEED_BYTES = 32;
const ED25519_SECRET_BYTES = 64;
/** PKCS #8 around a bare Ed25519 seed (RFC 8410). */
const ED25519_PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex");

type Algorithm = "EdDSA" | "ES256";

/** Null when the secret is neither form. */
export function parseCdpKey(
  secret: string,
): { readonly alg: Algorithm; readonly key: KeyObject } | null {
  try {
    if (secret.includes("-----BEGIN"))
      return { alg: "ES256", key: createPrivateKey(secret.replaceAll("\\n", "\n")) };
    const bytes = Buffer.from(secret, "base64");
    if (bytes.length !== ED25519_SECRET_BYTES) return null;
    const der = Buffer.concat([ED25519_PKCS8, bytes.subarray(0, SEED_BYTES)]);
    return { alg: "EdDSA", key: createPrivateKey({ key: der, format: "der", type: "pkcs8" }) };
  } catch {
    return null;
  }
}

/**
 * The bearer token of one request: a JWT bound to its method, host and path, valid for two minutes
 * (docs.cdp.coinbase.com, "Authentication").
 * @param nowS seconds since 1970
 */
export function cdpToken(
  { id, secret }: CdpKey,
  request: { readonly method: string; readonly url: URL },
  nowS: number,
): string | null {
  const parsed = parseCdpKey(secret);
  if (parsed === null) return null;
  const { alg, key } = parsed;
  const { method, url } = request;
  const head = { alg, kid: id, typ: "JWT", nonce: randomBytes(16).toString("hex") };
  const claims = {
    sub: id,
    iss: "cdp",
    nbf: nowS,
    exp: nowS + VALID_S,
    uris: [`${method} ${url.host}${url.pathname}`],
  };
  const text = [head, claims].map(encode).join(".");
  const signature =
    alg === "EdDSA"
      ? sign(null, Buffer.from(text), key)
      : sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
  return `${text}.${signature.toString("base64url")}`;
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
