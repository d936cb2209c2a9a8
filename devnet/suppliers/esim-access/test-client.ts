import { createHmac } from "node:crypto";
import { startEsimSupplier, type EsimSupplier, type EsimSupplierOptions } from "./index.ts";
import type { EsimCredentials } from "./signature.ts";

/** What a test reads of an answer: the envelope. */
export interface EsimReply {
  readonly status: number;
  readonly success: unknown;
  readonly errorCode: unknown;
  readonly obj: Record<string, unknown>;
}

/** A bare client that signs; no retries, no opinions. */
export interface EsimTestClient {
  call(path: string, body?: unknown, headers?: Record<string, string>): Promise<EsimReply>;
  order(transactionId: string, info?: Record<string, unknown>): Promise<EsimReply>;
  query(selection: Record<string, unknown>): Promise<EsimReply>;
}

/** A wholesaler that answers and allocates at once unless told otherwise. */
export async function startFastEsim(
  options: Partial<EsimSupplierOptions> = {},
): Promise<EsimSupplier & { readonly client: EsimTestClient }> {
  const supplier = await startEsimSupplier({
    speed: 1,
    seed: "test",
    callLatencyMs: 0,
    allocationMs: 0,
    requestsPerSecond: 10_000,
    ...options,
  });
  return { ...supplier, client: openEsimClient({ url: supplier.url, ...supplier.credentials }) };
}

export function openEsimClient({
  url,
  accessCode,
  secret,
}: EsimCredentials & { readonly url: string }): EsimTestClient {
  const call: EsimTestClient["call"] = async (path, body = {}, headers = {}) => {
    const text = JSON.stringify(body);
    const timestamp = Date.now().toString();
    const signature = createHmac("sha256", secret)
      .update(`${timestamp}request-1${accessCode}${text}`)
      .digest("hex");
    const response = await fetch(`${url}/api/v1/open/${path}`, {
      method: "POST",
      headers: {
        "RT-AccessCode": accessCode,
        "RT-RequestID": "request-1",
        "RT-Timestamp": timestamp,
        "RT-Signature": signature,
        ...headers,
      },
      body: text,
    });
    const json = (await response.json()) as Partial<EsimReply>;
    return {
      status: response.status,
      success: json.success,
      errorCode: json.errorCode,
      obj: json.obj ?? {},
    };
  };
  return {
    call,
    order: (transactionId, info = {}) =>
      call("esim/order", {
        transactionId,
        packageInfoList: [{ packageCode: "P11JP", count: 1, ...info }],
      }),
    query: (selection) => call("esim/query", { pager: { pageNum: 1, pageSize: 50 }, ...selection }),
  };
}
