import { expect, test } from "vitest";
import { signedHeaders } from "./sign.ts";

test("the signature is the one of the published example", () => {
  const headers = signedHeaders(
    { accessCode: "11111", secret: "1111" },
    { requestId: "4ce9d9cdac9e4e17b3a2c66c358c1ce2", timestamp: "1628670421" },
    '{"imsi":"326543826"}',
  );
  expect(headers).toEqual({
    "RT-AccessCode": "11111",
    "RT-RequestID": "4ce9d9cdac9e4e17b3a2c66c358c1ce2",
    "RT-Timestamp": "1628670421",
    "RT-Signature": "7eb765e27df5373dea2dbc8c41a7d9557743e46c8054750f3d851b3fd01d0835",
  });
});
