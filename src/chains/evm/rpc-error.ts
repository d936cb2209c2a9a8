import { BaseError, type Hex, isHex } from "viem";

/** Why a call to a server came to nothing. `reason` holds no address of a server: that may contain a key. */
export type CallFailure =
  /** The server answered with an error. */
  | {
      readonly kind: "error";
      readonly code: number;
      readonly reason: string;
      /** Set when a contract turned the call down: what it gave as its reason, "0x" when nothing. */
      readonly revertData: Hex | null;
    }
  | { readonly kind: "silent"; readonly mayHaveArrived: boolean; readonly reason: string };

const MAX_REASON_CHARACTERS = 300;

/** What viem threw, as a fact. Anything a server can make a decoder throw is the server's fault too. */
export function failureOf(thrown: unknown): CallFailure {
  const chain = causesOf(thrown);
  const reason = reasonOf(chain);
  const status = chain.map((error) => numberIn(error, "status")).find((one) => one !== null);
  const isOverHttp = chain.some(
    ({ name }) => name === "HttpRequestError" || name === "TimeoutError",
  );
  if (isOverHttp) {
    // 4xx: turned away at the door. 5xx: a gateway may have passed it on before it gave up.
    const mayHaveArrived = status === undefined ? !chain.some(isUnconnected) : (status ?? 0) >= 500;
    return { kind: "silent", mayHaveArrived, reason };
  }
  const code = chain.map((error) => numberIn(error, "code")).find((one) => one !== null) ?? 0;
  const isRevert = code === 3 || chain.some(({ message }) => /revert/i.test(message));
  return { kind: "error", code, reason, revertData: isRevert ? revertDataIn(chain) : null };
}

function causesOf(thrown: unknown): readonly Error[] {
  const chain: Error[] = [];
  for (let error = thrown; error instanceof Error && chain.length < 10; error = error.cause)
    chain.push(error);
  return chain;
}

/** viem's long messages repeat the address and the whole request: only the short texts are told. */
function reasonOf(chain: readonly Error[]): string {
  const [first] = chain;
  if (first === undefined) return "an unreadable failure";
  const texts = first instanceof BaseError ? [first.shortMessage, first.details] : [first.message];
  const text = [...new Set(texts.filter((one) => one !== ""))].join(" ");
  return text.replaceAll(/\bhttps?:\/\/\S+/g, "[address]").slice(0, MAX_REASON_CHARACTERS);
}

function numberIn(error: Error, member: "status" | "code"): number | null {
  const value = (error as { readonly status?: unknown; readonly code?: unknown })[member];
  return typeof value === "number" ? value : null;
}

/** The bytes that came with the revert: `data` of the error, or of the object that some nodes put there. */
function revertDataIn(chain: readonly Error[]): Hex {
  for (const error of chain) {
    const { data } = error as { readonly data?: unknown };
    if (isHex(data)) return data;
    const inner = (data as { readonly data?: unknown } | null | undefined)?.data;
    if (isHex(inner)) return inner;
  }
  return "0x";
}

const NO_CONNECTION = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** No connection was made, so nothing can have arrived. */
function isUnconnected(error: Error): boolean {
  const { code } = error as { readonly code?: unknown };
  return typeof code === "string" && NO_CONNECTION.has(code);
}
