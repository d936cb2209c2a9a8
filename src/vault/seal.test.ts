import fc from "fast-check";
import { expect, test } from "vitest";
import { Bug } from "../errors.ts";
import { systemRandom } from "../ids.ts";
import type { Goods } from "../products/product.ts";
import { parseKeyring, type Keyring } from "./keyring.ts";
import { openVault } from "./seal.ts";

function keyringOf(...ids: readonly string[]): Keyring {
  const keyring = parseKeyring(
    ids.map((id) => `${id}:${Buffer.from(systemRandom(32)).toString("hex")}`).join(","),
  );
  if (typeof keyring === "string") throw new Error(keyring);
  return keyring;
}

const keyring = keyringOf("k1");
const vault = openVault(keyring, systemRandom);
const goods: Goods = { number: "4111111111111111", cvv: "123", expiry: "12/30", brand: "Visa" };

test("goods open again for the attempt that they were sealed for, and for no other", () => {
  const anyGoods = fc.dictionary(fc.string(), fc.string()) as fc.Arbitrary<Goods>;
  fc.assert(
    fc.property(fc.string(), fc.string(), anyGoods, (attempt, other, content) => {
      fc.pre(attempt !== other);
      const sealed = vault.seal(attempt, content);
      expect(vault.open(attempt, sealed)).toEqual(content);
      expect(() => vault.open(other, sealed)).toThrow(Bug);
    }),
  );
});

test("no change of any one character opens", () => {
  const sealed = vault.seal("att_1", goods);
  for (let i = 0; i < sealed.length; i++)
    for (const other of ["A", "B", "Q", "-", ".", "="]) {
      if (sealed[i] === other) continue;
      const changed = sealed.slice(0, i) + other + sealed.slice(i + 1);
      expect(() => vault.open("att_1", changed), `character ${i} as ${other}`).toThrow(Bug);
    }
});

test("no flipped bit of any byte opens", () => {
  const [version = "", id = "", ...boxes] = vault.seal("att_1", goods).split(".");
  for (const [which, box] of boxes.entries()) {
    const bytes = Buffer.from(box, "base64url");
    for (const [at, byte] of bytes.entries()) {
      bytes[at] = byte ^ (1 << (at % 8));
      const parts = boxes.with(which, bytes.toString("base64url"));
      expect(() => vault.open("att_1", [version, id, ...parts].join("."))).toThrow(Bug);
      bytes[at] = byte;
    }
  }
});

test("text that was cut short anywhere does not open", () => {
  const sealed = vault.seal("att_1", goods);
  for (let length = 0; length < sealed.length; length++)
    expect(() => vault.open("att_1", sealed.slice(0, length))).toThrow(Bug);
});

test("the parts of two seals of one attempt cannot be mixed", () => {
  const first = vault.seal("att_1", goods).split(".");
  const second = vault.seal("att_1", { ...goods, cvv: "999" }).split(".");
  expect(() => vault.open("att_1", first.with(3, second[3] ?? "").join("."))).toThrow(Bug);
  expect(() => vault.open("att_1", first.with(2, second[2] ?? "").join("."))).toThrow(Bug);
});

test("nothing of the goods can be read in the sealed text, and no two seals are alike", () => {
  const sealed = vault.seal("att_1", goods);
  const bytes = Buffer.concat(
    sealed
      .split(".")
      .slice(2)
      .map((box) => Buffer.from(box, "base64url")),
  );
  for (const field of Object.values(goods)) expect(bytes.includes(field)).toBe(false);
  expect(vault.seal("att_1", goods)).not.toBe(sealed);
});

test("a retired master key still opens; a lost one does not, and says which is missing", () => {
  const old = vault.seal("att_1", goods);
  const rotated = { currentId: "k2", keys: new Map([...keyringOf("k2").keys, ...keyring.keys]) };
  const after = openVault(rotated, systemRandom);
  expect(after.open("att_1", old)).toEqual(goods);
  expect(after.seal("att_1", goods)).toMatch(/^v1\.k2\./);
  const lost = openVault(keyringOf("k2"), systemRandom);
  expect(() => lost.open("att_1", old)).toThrow('the master key "k1" is not in the keyring');
});

test("another key under the same id does not open", () => {
  const stranger = openVault(keyringOf("k1"), systemRandom);
  expect(() => stranger.open("att_1", vault.seal("att_1", goods))).toThrow(/do not open/);
});

test("what a failed opening says holds nothing of the goods or the keys", () => {
  const sealed = vault.seal("att_1", goods);
  const key = Buffer.from(keyring.keys.get("k1") ?? []).toString("hex");
  for (const text of [sealed.slice(0, -1), sealed.replace("v1", "v2"), `${sealed}x`, ""]) {
    let said = "";
    try {
      vault.open("att_1", text);
    } catch (error) {
      said = String(error);
    }
    expect(said).not.toBe("");
    for (const secret of [key, goods["number"] ?? "", sealed.slice(10, 40)])
      expect(said).not.toContain(secret);
  }
});
