import { expect, test } from "vitest";
import { addressKey } from "./address.ts";

test.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0db8:0001:0002::6", "2001:db8:1:2::/64"],
  ["2001:db8::6", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["1:2:3::", "1:2:3:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["64:ff9b::192.0.2.33", "64:ff9b:0:0::/64"],
])("%s counts as %s", (ip, key) => {
  expect(addressKey(ip)).toBe(key);
});

test.each([undefined, "", "garbage", "1.2.3", "x".repeat(10_000)])(
  "%j counts with all that is no address",
  (ip) => {
    expect(addressKey(ip)).toBe("unknown");
  },
);
