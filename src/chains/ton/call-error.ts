/** What went wrong with one call, and what that says about the chain. */
export interface CallError {
  /** Names the server by its host; holds no key. */
  readonly reason: string;
  /** The server does not keep this part of history, or keeps it in a form that cannot be read. */
  readonly isMissing: boolean;
  /** It did not answer, or is too busy: another one should be asked. */
  readonly isAbsent: boolean;
  /** The request may have arrived although nothing came back. */
  readonly isPerhapsDone: boolean;
}

/** Of tonlib and LiteServers; a server's own empty page is put in the same words. */
const MISSING =
  /not in db|cannot locate transaction|cannot find block|no history|NOTREADY|state already gc/i;
/** `TonClient`'s own words for an answer that is none; any other error is that of a parser. */
const NO_ANSWER = /^(Received error|Malformed response)/;
/** Nothing was sent when the connection was not made. */
const NEVER_SENT = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
]);
const MAX_REASON = 300;

/** Of anything that `TonClient` throws: errors of its HTTP client, of its own checks, or of the parser. */
export function callErrorOf(server: string, thrown: unknown): CallError {
  const said = (text: string): string => `${server}: ${text}`.slice(0, MAX_REASON);
  const response = memberOf(thrown, "response");
  const status = memberOf(response, "status");
  if (typeof status === "number") {
    const text = textIn(memberOf(response, "data"), "error") ?? `HTTP status ${status}`;
    const isBusy = status === 429 || status === 502 || status === 503 || status === 504;
    return {
      reason: said(text),
      isMissing: !isBusy && MISSING.test(text),
      isAbsent: isBusy,
      // A gateway may have passed it on before it gave up.
      isPerhapsDone: status === 502 || status === 504,
    };
  }
  const code = textIn(thrown, "code");
  if (memberOf(thrown, "isAxiosError") === true)
    return {
      reason: said(`no answer (${code ?? "unknown"})`),
      isMissing: false,
      isAbsent: true,
      isPerhapsDone: code === null || !NEVER_SENT.has(code),
    };
  return unanswerable(textIn(thrown, "message") ?? "unknown error", said);
}

/** Something came back that is no answer, or one that no parser can read. */
function unanswerable(text: string, said: (text: string) => string): CallError {
  return {
    reason: said(text),
    // Strangers' accounts are read too: trying again would not make an odd transaction of theirs readable.
    isMissing: MISSING.test(text) || !NO_ANSWER.test(text),
    isAbsent: false,
    isPerhapsDone: true,
  };
}

function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[name];
}

function textIn(value: unknown, name: string): string | null {
  const member = memberOf(value, name);
  return typeof member === "string" && member !== "" ? member : null;
}
