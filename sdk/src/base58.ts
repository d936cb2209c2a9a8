const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** The bytes of a base58 text (the Bitcoin and Solana alphabet), or null when it has other characters. */
export function decodeBase58(text: string): Uint8Array | null {
  let value = 0n;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit === -1) return null;
    value = value * 58n + BigInt(digit);
  }
  const hex = value === 0n ? "" : value.toString(16);
  const body = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  // Each leading "1" is a zero byte that the number lost.
  const zeros = /^1*/.exec(text)?.[0].length ?? 0;
  return new Uint8Array(Buffer.concat([Buffer.alloc(zeros), body]));
}
