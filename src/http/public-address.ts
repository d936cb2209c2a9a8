import { BlockList, isIP } from "node:net";

/**
 * Ranges that are nobody's on the public internet, or that carry another address inside.
 * https://www.iana.org/assignments/iana-ipv4-special-registry and the IPv6 registry beside it.
 */
const NOT_PUBLIC_V4 = [
  "0.0.0.0/8", // this network
  "10.0.0.0/8", // private
  "100.64.0.0/10", // shared (carrier NAT)
  "127.0.0.0/8", // loopback
  "169.254.0.0/16", // link-local, cloud metadata
  "172.16.0.0/12", // private
  "192.0.0.0/24", // protocol assignments
  "192.0.2.0/24", // documentation
  "192.31.196.0/24", // AS112
  "192.52.193.0/24", // AMT
  "192.88.99.0/24", // 6to4 relays
  "192.168.0.0/16", // private
  "192.175.48.0/24", // AS112
  "198.18.0.0/15", // benchmarks
  "198.51.100.0/24", // documentation
  "203.0.113.0/24", // documentation
  "224.0.0.0/4", // multicast
  "240.0.0.0/4", // reserved, broadcast
];
const NOT_PUBLIC_V6 = [
  "::/96", // unspecified, loopback, IPv4-compatible
  "::ffff:0:0/96", // IPv4-mapped
  "64:ff9b::/96", // NAT64
  "64:ff9b:1::/48", // NAT64, local
  "100::/64", // discard
  "2001::/23", // protocol assignments, Teredo, benchmarks
  "2001:db8::/32", // documentation
  "2002::/16", // 6to4
  "3fff::/20", // documentation
  "5f00::/16", // segment routing
  "fc00::/7", // unique local
  "fe80::/10", // link-local
  "fec0::/10", // site-local
  "ff00::/8", // multicast
];

// One list per family: an IPv4-mapped range in a common list would match every IPv4 address.
const notPublic = {
  ipv4: listOf("ipv4", NOT_PUBLIC_V4),
  ipv6: listOf("ipv6", NOT_PUBLIC_V6),
};

function listOf(family: "ipv4" | "ipv6", ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = "", bits] = range.split("/");
    list.addSubnet(network, Number(bits), family);
  }
  return list;
}

/** True when a packet to this IP address leaves for the public internet. */
export function isPublicAddress(ip: string): boolean {
  const version = isIP(ip);
  if (version === 0) return false;
  const family = version === 4 ? "ipv4" : "ipv6";
  return !notPublic[family].check(ip, family);
}

const PRIVATE_NAME =
  /(^|\.)(localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa)$/;

/**
 * True unless a URL's host names this machine or a private network by its text alone: an address that is not
 * public, a name under a private suffix, a name without a dot. What a name resolves to is checked when it is called.
 */
export function mayBePublicHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  if (isIP(bare) !== 0) return isPublicAddress(bare);
  return host.includes(".") && !PRIVATE_NAME.test(host);
}
