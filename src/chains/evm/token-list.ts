import { getAddress, isAddress } from "viem";
import type { TokenEntry, TransferMethod } from "./networks.ts";

const FORM = "SYMBOL:0xADDRESS:DECIMALS:permit2, or SYMBOL:0xADDRESS:DECIMALS:eip3009:NAME:VERSION";

/** "USDC:0x…:6:eip3009:USD Coin:2,USDT:0x…:6:permit2", or what is wrong with it. */
export function parseTokens(text: string): readonly TokenEntry[] | string {
  const entries: TokenEntry[] = [];
  for (const item of text.split(",")) {
    const entry = parseToken(item.trim());
    if (typeof entry === "string") return entry;
    if (entries.some(({ address }) => address === entry.address))
      return `${entry.symbol} is named twice`;
    entries.push(entry);
  }
  return entries;
}

function parseToken(text: string): TokenEntry | string {
  const [symbol = "", address = "", decimals = "", ...how] = text.split(":");
  if (!/^[A-Za-z0-9.]{1,12}$/.test(symbol)) return `a token must be written as ${FORM}`;
  if (!isAddress(address)) return `${symbol} has no address with a right checksum`;
  if (!/^\d{1,2}$/.test(decimals) || Number(decimals) > 36) return `${symbol} has no decimals`;
  const method = parseMethod(how);
  if (method === null) return `${symbol} must be written as ${FORM}`;
  return { symbol, address: getAddress(address), decimals: Number(decimals), method };
}

function parseMethod([
  kind,
  name = "",
  version = "",
  ...rest
]: readonly string[]): TransferMethod | null {
  if (rest.length > 0) return null;
  if (kind === "permit2" && name === "") return { kind: "permit2" };
  if (kind !== "eip3009" || name === "" || version === "") return null;
  return { kind: "eip3009", domain: { name, version } };
}
