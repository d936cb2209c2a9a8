/** Master keys that wrap the data keys of sealed goods: one current, the others only to open old seals. */
export interface Keyring {
  readonly currentId: string;
  /** 32 bytes each, by id. */
  readonly keys: ReadonlyMap<string, Uint8Array>;
}

const KEY_BYTES = 32;
const ENTRY = /^([a-z0-9-]{1,32}):([0-9a-f]{64})$/;

/**
 * Reads "k2:<64 hex>,k1:<64 hex>"; the first is the current one. A string says what is wrong, without
 * repeating any part of the text.
 */
export function parseKeyring(text: string): Keyring | string {
  const keys = new Map<string, Uint8Array>();
  for (const [index, part] of text.split(",").entries()) {
    const match = ENTRY.exec(part.trim());
    if (match === null) return `entry ${index + 1} is not "<id>:<64 hex digits>"`;
    const [, id = "", hex = ""] = match;
    if (keys.has(id)) return `the key id of entry ${index + 1} occurs twice`;
    const key = new Uint8Array(Buffer.from(hex, "hex"));
    if (key.length !== KEY_BYTES || key.every((byte) => byte === key[0]))
      return `the key of entry ${index + 1} is not random`;
    keys.set(id, key);
  }
  const [currentId] = keys.keys();
  return currentId === undefined ? "it is empty" : { currentId, keys };
}
