import { createPublicKey, generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { cdpToken, parseCdpKey } from "./cdp-token.ts";

const NOW_S = 1_800_000_000;
const request = {
  method: "POST",
  url: new URL("https://api.cdp.example/platform/v2/x402/verify"),
};

interface Key {
  readonly secret: string;
  readonly alg: string;
  readonly isSigned: (text: string, signature: Buffer) => boolean;
}

/** Ed25519 as the platform gives it out: 64 bytes, the seed and the public key. */
function edKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { d = "", x = "" } = privateKey.export({ format: "jwk" });
  const bytes = [d, x].map((part) => Buffer.from(part, "base64url"));
  return {
    secret: Buffer.concat(bytes).toString("base64"),
    alg: "EdDSA",
    isSigned: (text, signature) => verify(null, Buffer.from(text), publicKey, signature),
  };
}

function ecKey(type: "pkcs8" | "sec1", pem: (text: string) => string = (text) => text): Key {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const publicKey: KeyObject = createPublicKey(privateKey);
  const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
  return {
    secret: pem(privateKey.export({ format: "pem", type }).toString()),
    alg: "ES256",
    isSigned: (text, signature) => verify("sha256", Buffer.from(text), key, signature),
  };
}

test.each([
  ["Ed25519", edKey()],
  ["EC in PKCS #8", ecKey("pkcs8")],
  ["EC in SEC 1", ecKey("sec1")],
  ["EC whose line ends were written out", ecKey("sec1", (text) => text.replaceAll("\n", "\\n"))],
])("a request is signed with a key of the form %s", (_form, { secret, alg, isSigned }) => {
  const token = cdpToken({ id: "key-1", secret }, request, NOW_S) ?? "";
  const [head = "", claims = "", signature = ""] = token.split(".");
  expect(isSigned(`${head}.${claims}`, Buffer.from(signature, "base64url"))).toBe(true);
  expect(isSigned(`${head}.${claims}x`, Buffer.from(signature, "base64url"))).toBe(false);
  expect(decoded(head)).toMatchObject({ alg, kid: "key-1", typ: "JWT" });
  expect(decoded(claims)).toEqual({
    sub: "key-1",
    iss: "cdp",
    nbf: NOW_S,
    exp: NOW_S + 120,
    uris: ["POST api.cdp.example/platform/v2/x402/verify"],
  });
});

test("no two requests carry the same token", () => {
  const key = { id: "key-1", secret: edKey().secret };
  expect(cdpToken(key, request, NOW_S)).not.toBe(cdpToken(key, request, NOW_S));
});

test.each([
  ["nothing", ""],
  ["a seed alone", Buffer.alloc(32, 7).toString("base64")],
  ["a PEM of nothing", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"],
])("%s is no key", (_what, secret) => {
  expect(parseCdpKey(secret)).toBeNull();
  expect(cdpToken({ id: "key-1", secret }, request, NOW_S)).toBeNull();
});

function decoded(part: string): unknown {
  return JSON.parse(Buffer.from(part, "base64url").toString()) as unknown;
}
