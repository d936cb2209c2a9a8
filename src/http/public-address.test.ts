import { expect, test } from "vitest";
import { isPublicAddress, mayBePublicHost } from "./public-address.ts";

test.each([
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "100.127.255.255",
  "127.0.0.1",
  "127.255.255.254",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.2.1",
  "192.88.99.1",
  "192.168.1.1",
  "198.18.0.1",
  "198.19.255.255",
  "198.51.100.7",
  "203.0.113.7",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "64:ff9b::8.8.8.8",
  "2001::1",
  "2001:db8::1",
  "2002:808:808::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "ff02::1",
  "not an address",
])("%s is not public", (ip) => {
  expect(isPublicAddress(ip)).toBe(false);
});

test.each(["8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "198.20.0.1", "2606:4700::1111"])(
  "%s is public",
  (ip) => {
    expect(isPublicAddress(ip)).toBe(true);
  },
);

test.each([
  "localhost",
  "LOCALHOST",
  "api.localhost",
  "localhost.",
  "printer.local",
  "metadata.google.internal",
  "router.lan",
  "nas.home.arpa",
  "intranet",
  "[::1]",
  "[::ffff:7f00:1]",
  "10.0.0.1",
])("the host %s is private by its text", (host) => {
  expect(mayBePublicHost(host)).toBe(false);
});

test.each(["hooks.example", "example.com", "local.example.com", "8.8.8.8", "[2606:4700::1111]"])(
  "the host %s may be public",
  (host) => {
    expect(mayBePublicHost(host)).toBe(true);
  },
);
