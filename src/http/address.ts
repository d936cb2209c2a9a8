import { isIP } from "node:net";

const MAPPED_IPV4 = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/**
 * What per-address limits count by: an IPv4 address, or the /64 of an IPv6 address, because one subscriber
 * owns a whole /64. Anything that is no address counts as one and the same unknown client.
 */
export function addressKey(ip: string | undefined): string {
  const text = ip === undefined ? "" : (MAPPED_IPV4.exec(ip)?.[1] ?? ip);
  const family = isIP(text);
  if (family === 4) return text;
  return family === 6 ? networkOf(text) : "unknown";
}

/** The first four groups of an IPv6 address, "2001:db8:0:1::/64". */
function networkOf(ip: string): string {
  const [address = ""] = ip.toLowerCase().split("%");
  const [head = "", tail] = address.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail === undefined || tail === "" ? [] : tail.split(":");
  // A dotted last group stands for two.
  const width = last.some((group) => group.includes(".")) ? last.length + 1 : last.length;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - first.length - width);
  const groups = [...first, ...Array.from({ length: zeros }, () => "0"), ...last];
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
