import fc from "fast-check";
import { expect, test } from "vitest";
import {
  androidInstallUrl,
  composeLpa,
  iosInstallUrl,
  parseLpa,
  type ActivationCode,
} from "./lpa.ts";

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20})$/);
const anyCode: fc.Arbitrary<ActivationCode> = fc.record({
  smdpAddress: fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join(".")),
  matchingId: fc.stringMatching(/^[A-Z0-9-]{1,40}$/),
  smdpOid: fc.option(
    fc.array(fc.nat(), { minLength: 2, maxLength: 8 }).map((numbers) => numbers.join(".")),
  ),
  needsConfirmation: fc.boolean(),
});

test.each([
  [
    "LPA:1$rsp.example.com$43DE-7A",
    {
      smdpAddress: "rsp.example.com",
      matchingId: "43DE-7A",
      smdpOid: null,
      needsConfirmation: false,
    },
  ],
  [
    "LPA:1$smdp.gsma.com$04386-AGYFT-A74Y8-3F815$1.3.6.1.4.1.31746",
    {
      smdpAddress: "smdp.gsma.com",
      matchingId: "04386-AGYFT-A74Y8-3F815",
      smdpOid: "1.3.6.1.4.1.31746",
      needsConfirmation: false,
    },
  ],
  [
    "LPA:1$smdp.gsma.com$04386-AGYFT-A74Y8-3F815$$1",
    {
      smdpAddress: "smdp.gsma.com",
      matchingId: "04386-AGYFT-A74Y8-3F815",
      smdpOid: null,
      needsConfirmation: true,
    },
  ],
])("the parts of %s", (text, parts) => {
  expect(parseLpa(text)).toEqual(parts);
  expect(composeLpa(parts)).toBe(text);
});

test("whatever the parts, the text is read back as them", () => {
  fc.assert(
    fc.property(anyCode, (code) => {
      expect(parseLpa(composeLpa(code))).toEqual(code);
    }),
  );
});

test("whatever the text, it is read as the parts that make it again, or not at all", () => {
  const anyText = fc.oneof(
    fc.string(),
    fc.stringMatching(/^LPA:1\$[a-z.]{0,9}\$[A-Z]{0,3}[$1.]{0,4}$/),
  );
  fc.assert(
    fc.property(anyText, (text) => {
      const code = parseLpa(text);
      const again = code === null ? null : parseLpa(composeLpa(code));
      expect(again).toEqual(code);
    }),
  );
});

test.each([
  "",
  "LPA:1$rsp.example.com",
  "LPA:1$rsp.example.com$",
  "LPA:1$$43DE",
  "lpa:1$rsp.example.com$43DE",
  "LPA:2$rsp.example.com$43DE",
  "1$rsp.example.com$43DE",
  "LPA:1$rsp.example.com$43DE$$2",
  "LPA:1$rsp.example.com$43DE$oid",
  "LPA:1$rsp.example.com$43DE$$1$",
  "LPA:1$https://rsp.example.com$43DE",
  "LPA:1$rsp.example.com/path$43DE",
  "LPA:1$rsp$43DE",
  "LPA:1$rsp.example.com$43 DE",
  " LPA:1$rsp.example.com$43DE",
  "LPA:1$rsp.example.com$43DE\n",
])("%j is not an activation code", (text) => {
  expect(parseLpa(text)).toBeNull();
});

test("install links carry the code with its colon and dollars as they are", () => {
  const lpa = "LPA:1$rsp.example.com$43DE";
  const query = "/esim_qrcode_provisioning?carddata=LPA:1$rsp.example.com$43DE";
  expect(iosInstallUrl(lpa)).toBe(`https://esimsetup.apple.com${query}`);
  expect(androidInstallUrl(lpa)).toBe(`https://esimsetup.android.com${query}`);
});

test("whatever the text, a link gives it back and nothing of it leaves the query", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      for (const link of [iosInstallUrl(text), androidInstallUrl(text)]) {
        const url = new URL(link);
        expect(url.searchParams.get("carddata")).toBe(text);
        expect([...url.searchParams.keys()]).toEqual(["carddata"]);
        expect(url.hash).toBe("");
      }
    }),
  );
});
