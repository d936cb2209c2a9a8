import { createHmac } from "node:crypto";

export interface Credentials {
  readonly accessCode: string;
  readonly secret: string;
}

/** The headers of the signed mode; `body` is the exact text that is sent. */
export function signedHeaders(
  { accessCode, secret }: Credentials,
  stamp: { readonly requestId: string; readonly timestamp: string },
  body: string,
): Readonly<Record<string, string>> {
  const { requestId, timestamp } = stamp;
  return {
    "RT-AccessCode": accessCode,
    "RT-RequestID": requestId,
    "RT-Timestamp": timestamp,
    // Lower case: a supplier with the same scheme in upper case exists.
    "RT-Signature": createHmac("sha256", secret)
      .update(timestamp + requestId + accessCode + body)
      .digest("hex"),
  };
}
