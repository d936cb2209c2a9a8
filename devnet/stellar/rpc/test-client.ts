/** Calls a method as any JSON-RPC client would. */
export async function call(url: string, method: string, params?: unknown): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 7, method, params });
  const response = await post(url, body);
  return (await response.json()) as Answer;
}

export interface Answer {
  readonly id: number | null;
  // Tests look into it freely.
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly code: number; readonly message: string };
}

export function post(url: string, body: string): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(url, { method: "POST", headers, body });
}
