import { startCardSupplier, type CardSupplier, type CardSupplierOptions } from "./index.ts";

/** What a test reads of an answer. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** A bare client: no retries, no opinions. */
export interface TestClient {
  get(path: string): Promise<Reply>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  issue(reference: string, faceValue?: string): Promise<Reply>;
}

/** A supplier that answers at once unless told otherwise. */
export async function startFast(
  options: Partial<CardSupplierOptions> = {},
): Promise<CardSupplier & { readonly client: TestClient }> {
  const supplier = await startCardSupplier({
    speed: 1,
    seed: "test",
    issueLatencyMs: 0,
    activateLatencyMs: 0,
    readLatencyMs: 0,
    ...options,
  });
  return { ...supplier, client: openClient(supplier) };
}

export function openClient({ url, apiKey }: Pick<CardSupplier, "url" | "apiKey">): TestClient {
  const authorization = `Bearer ${apiKey}`;
  const post: TestClient["post"] = async (path, body, headers = {}) =>
    read(
      await fetch(url + path, {
        method: "POST",
        headers: { authorization, ...headers },
        body: body === undefined ? null : JSON.stringify(body),
      }),
    );
  return {
    post,
    get: async (path) => read(await fetch(url + path, { headers: { authorization } })),
    issue: (reference, faceValue = "25.00") =>
      post(
        "/v1/cards",
        { reference, face_value: faceValue, currency: "USD" },
        { "idempotency-key": reference },
      ),
  };
}

async function read(response: Response): Promise<Reply> {
  const body: unknown = await response.json();
  return {
    status: response.status,
    headers: response.headers,
    body: Object.fromEntries(Object.entries(body ?? {})),
  };
}
