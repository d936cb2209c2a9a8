/** One JSON-RPC call to a chain. @throws RpcError when the chain refuses it */
export type Rpc = (method: string, params?: readonly unknown[]) => Promise<unknown>;

export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;

  constructor(method: string, code: number, message: string) {
    super(`${method}: ${message}`);
    this.code = code;
  }
}

interface Answer {
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

export function connect(url: string): Rpc {
  return async (method, params = []) => {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
    });
    const { result, error } = (await response.json()) as Answer;
    if (error) throw new RpcError(method, error.code, error.message);
    return result;
  };
}
