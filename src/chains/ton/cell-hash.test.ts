import { Address, beginCell } from "@ton/core";
import fc from "fast-check";
import { expect, test } from "vitest";
import { hashCell } from "./cell-hash.ts";
import { forwarderAddresses, forwarderOf } from "./forwarder.ts";

const bytes = fc.uint8Array({ maxLength: 100 });

test("any cell has the hash that the library gives it", () => {
  const wish = fc.record({ bytes, cut: fc.integer({ min: 0, max: 7 }), refs: fc.array(bytes) });
  fc.assert(
    fc.property(wish, ({ bytes: content, cut, refs }) => {
      const bitLength = Math.max(0, content.length * 8 - cut);
      const whole = beginCell().storeBuffer(Buffer.from(content)).endCell();
      const bits = whole.bits.substring(0, bitLength);
      const builder = beginCell().storeBits(bits);
      const children = refs.slice(0, 4).map((ref) => Buffer.from(ref));
      for (const child of children)
        builder.storeRef(beginCell().storeRef(beginCell().storeBuffer(child).endCell()).endCell());
      const hashed = children.map((child) =>
        hashCell(Buffer.alloc(0), 0, [hashCell(child, child.length * 8)]),
      );
      const padded = beginCell()
        .storeBits(bits)
        .storeUint(0, (8 - (bitLength % 8)) % 8);
      const own = hashCell(
        padded
          .endCell()
          .beginParse()
          .loadBuffer(Math.ceil(bitLength / 8)),
        bitLength,
        hashed,
      );
      expect(own.hash).toEqual(builder.endCell().hash());
      expect(own.depth).toBe(builder.endCell().depth());
    }),
  );
});

test("an order's address is the one of its contract", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.string({ unit: "grapheme-ascii", maxLength: 64 }),
      (account, orderId) => {
        const treasury = new Address(0, Buffer.from(account));
        const { address } = forwarderOf(treasury, orderId);
        expect(forwarderAddresses(treasury)(orderId).equals(address)).toBe(true);
      },
    ),
  );
});
