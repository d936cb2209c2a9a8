import { createCipheriv, createDecipheriv } from "node:crypto";
import { assert, Bug } from "../errors.ts";
import type { RandomBytes } from "../ids.ts";
import type { Goods } from "../products/product.ts";
import type { Keyring } from "./keyring.ts";

/**
 * Sealed goods: AES-256-GCM under a data key of their own, which is wrapped with a master key. Both layers
 * are bound to the attempt, so that rows cannot be swapped. Text form:
 * "v1.<master key id>.<wrapped data key>.<sealed goods>", the last two base64url of iv, tag and bytes.
 */
export interface Vault {
  readonly seal: (attemptId: string, goods: Goods) => string;
  /** Throws when the text was not sealed for this attempt, was changed, or its master key is gone. */
  readonly open: (attemptId: string, sealed: string) => Goods;
}

const ALGORITHM = "aes-256-gcm";
const VERSION = "v1";
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

export function openVault(keyring: Keyring, random: RandomBytes): Vault {
  return {
    seal: (attemptId, goods) => {
      const master = masterKey(keyring, keyring.currentId);
      const dataKey = random(KEY_BYTES);
      const plain = Buffer.from(JSON.stringify(goods));
      const sealed = encrypt(dataKey, plain, bindingOf("goods", attemptId), random);
      const wrapped = encrypt(master, dataKey, bindingOf("key", attemptId), random);
      dataKey.fill(0);
      plain.fill(0);
      return [VERSION, keyring.currentId, wrapped, sealed].join(".");
    },
    open: (attemptId, sealed) => {
      const [version, keyId, wrapped, box, ...rest] = sealed.split(".");
      assert(
        version === VERSION && keyId !== undefined && rest.length === 0,
        "sealed goods of an unknown form",
      );
      assert(wrapped !== undefined && box !== undefined, "sealed goods of an unknown form");
      const dataKey = decrypt(masterKey(keyring, keyId), wrapped, bindingOf("key", attemptId));
      const plain = decrypt(dataKey, box, bindingOf("goods", attemptId));
      dataKey.fill(0);
      const goods = JSON.parse(plain.toString()) as Goods;
      plain.fill(0);
      return goods;
    },
  };
}

function bindingOf(layer: "goods" | "key", attemptId: string): Buffer {
  return Buffer.from(`${layer}:${VERSION}:${attemptId}`);
}

function masterKey(keyring: Keyring, id: string): Uint8Array {
  const key = keyring.keys.get(id);
  if (key === undefined) throw new Bug(`the master key "${id}" is not in the keyring`);
  return key;
}

function encrypt(
  key: Uint8Array,
  plain: Uint8Array,
  binding: Uint8Array,
  random: RandomBytes,
): string {
  const iv = random(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(binding);
  const body = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString("base64url");
}

function decrypt(key: Uint8Array, text: string, binding: Uint8Array): Buffer {
  const bytes = Buffer.from(text, "base64url");
  assert(bytes.toString("base64url") === text, "sealed bytes are not written as we write them");
  assert(bytes.length > IV_BYTES + TAG_BYTES, "sealed bytes are cut short");
  const decipher = createDecipheriv(ALGORITHM, key, bytes.subarray(0, IV_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(binding);
  decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]);
  } catch (cause) {
    throw new Bug("sealed goods do not open: wrong key, wrong attempt or changed bytes", { cause });
  }
}
