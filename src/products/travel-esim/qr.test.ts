import { expect, test } from "vitest";
import { qrPngDataUrl, qrSvg } from "./qr.ts";

const LPA = "LPA:1$rsp.sim.example$0123456789ABCDEF0123456789ABCDEF";

test("the SVG is one picture with a quiet zone, without script, link or the text itself", async () => {
  const svg = await qrSvg(LPA);
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"[^>]* viewBox="0 0 (\d+) \1"/);
  expect(svg.trimEnd()).toMatch(/<\/svg>$/);
  expect(svg).not.toMatch(/<script|href=|LPA/);
  expect(svg.length).toBeLessThan(8_000);
});

test("the PNG is a square of 512 pixels in a data URL", async () => {
  const url = await qrPngDataUrl(LPA);
  const png = Buffer.from(url.slice("data:image/png;base64,".length), "base64");
  expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([512, 512]);
  expect(png.length).toBeLessThan(10_000);
});

test("two codes are two pictures", async () => {
  const other = LPA.replace("0123", "3210");
  expect(await qrSvg(other)).not.toBe(await qrSvg(LPA));
  expect(await qrPngDataUrl(other)).not.toBe(await qrPngDataUrl(LPA));
});
