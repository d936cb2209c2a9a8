/** Codes of JSON-RPC 2.0 as stellar-rpc uses them. */
export const RPC_CODE = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
} as const;

/** An answer with `error` in place of `result`. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export function invalidParams(message: string): RpcError {
  return new RpcError(RPC_CODE.invalidParams, message);
}

/** Named parameters of a call; everything in them is still to be checked. */
export type Params = Readonly<Record<string, unknown>>;

export interface RpcCall {
  readonly id: string | number | null;
  readonly method: string;
  readonly params: Params;
}

export interface RpcAnswer {
  readonly jsonrpc: "2.0";
  readonly id: string | number | null;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** @throws RpcError if the value is no request object */
export function readCall(value: unknown): RpcCall {
  if (!isObject(value) || typeof value["method"] !== "string") {
    throw new RpcError(RPC_CODE.invalidRequest, "invalid request");
  }
  const { id, method, params } = value;
  const known = typeof id === "string" || typeof id === "number" ? id : null;
  if (params === undefined || params === null) return { id: known, method, params: {} };
  // A list of parameters is allowed to hold the one object that is meant.
  const list: readonly unknown[] | null = Array.isArray(params) ? params : null;
  const named = list && list.length <= 1 ? (list[0] ?? {}) : params;
  if (!isObject(named)) throw invalidParams("params must be an object");
  return { id: known, method, params: named };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textParam(params: Params, name: string): string {
  const value = params[name];
  if (typeof value === "string") return value;
  throw invalidParams(`${name} must be a string`);
}

/** Zero where the parameter is missing, as Go reads it. */
export function countParam(params: Params, name: string): number {
  const value = params[name] ?? 0;
  const isCount = typeof value === "number" && Number.isInteger(value) && value >= 0;
  if (isCount && value < 2 ** 32) return value;
  throw invalidParams(`${name} must be a non-negative integer`);
}

export function objectParam(params: Params, name: string): Params {
  const value = params[name] ?? {};
  if (isObject(value)) return value;
  throw invalidParams(`${name} must be an object`);
}

export function listParam(params: Params, name: string): readonly unknown[] {
  const value = params[name] ?? [];
  if (Array.isArray(value)) return value;
  throw invalidParams(`${name} must be a list`);
}

/** XDR is told in base64 only. */
export function refuseJsonFormat(params: Params): void {
  const format = params["xdrFormat"] ?? "";
  if (format === "" || format === "base64") return;
  throw invalidParams(`xdrFormat ${JSON.stringify(format)} is not supported, only "base64"`);
}
