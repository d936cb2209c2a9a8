export type Hex = `0x${string}`;
/** Twenty bytes; upper and lower case do not matter. */
export type Address = Hex;

export function isAddress(text: string): text is Address {
  return /^0x[0-9a-fA-F]{40}$/.test(text);
}

/** A quantity as JSON-RPC writes it. */
export function quantity(value: bigint | number): Hex {
  return `0x${value.toString(16)}`;
}

/** A 32-byte word. */
export function word(value: bigint | number | Address): Hex {
  return `0x${BigInt(value).toString(16).padStart(64, "0")}`;
}
