/** Structured log lines: one JSON object per line, secrets removed before they are written. */

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Facts of one line. Never goods, keys or signed bodies; the redaction below is the second net, not the first. */
export type LogFacts = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, facts?: LogFacts): void;
  info(message: string, facts?: LogFacts): void;
  /** Something is wrong that mends itself. */
  warn(message: string, facts?: LogFacts): void;
  /** A person should look. */
  error(message: string, facts?: LogFacts): void;
  /** The same log with these facts on every line. */
  with(facts: LogFacts): Log;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const SECRET_NAME =
  /^(number|pan|cvv|cvc|expiry|card|goods|sealed|secret|seed|password|passphrase|token|pepper|authorization|cookie|api_?key|x-api-key|activation_?code|private_?key|body|envelope)$/i;
const API_KEY = /\b(?:cards402|vend402)_[0-9a-z]{16,}/gi;
const STELLAR_SEED = /\bS[A-Z2-7]{55}\b/g;
const DIGITS = /(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)/g;
const REMOVED = "[removed]";
const MAX_DEPTH = 6;

/** True for the digit strings that payment cards use (Luhn's check). */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return digits.length > 0 && sum % 10 === 0;
}

/** Text without card numbers, API keys and Stellar seeds. */
export function redactText(text: string): string {
  return text
    .replace(API_KEY, REMOVED)
    .replace(STELLAR_SEED, REMOVED)
    .replace(DIGITS, (run) => (passesLuhn(run.replace(/\D/g, "")) ? REMOVED : run));
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return "[deep]";
  if (value instanceof Error) return errorFacts(value, depth);
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      SECRET_NAME.test(name) ? REMOVED : redact(item, depth + 1),
    ]),
  );
}

function errorFacts(error: Error, depth: number): unknown {
  return {
    name: error.name,
    message: redactText(error.message),
    stack: redactText(error.stack ?? ""),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}

export interface LogOptions {
  readonly level: LogLevel;
  readonly now: () => number;
  /** Takes one line without its line end. */
  readonly write: (line: string) => void;
}

/** A log that writes JSON lines: `{"time":"…","level":"info","message":"…",…facts}`. */
export function createLog(options: LogOptions, bound: LogFacts = {}): Log {
  const line =
    (level: LogLevel) =>
    (message: string, facts: LogFacts = {}): void => {
      if (RANK[level] < RANK[options.level]) return;
      const time = new Date(options.now()).toISOString();
      const rest = redact({ ...bound, ...facts }, 0) as object;
      options.write(JSON.stringify({ time, level, message: redactText(message), ...rest }));
    };
  return {
    debug: line("debug"),
    info: line("info"),
    warn: line("warn"),
    error: line("error"),
    with: (facts) => createLog(options, { ...bound, ...facts }),
  };
}

/** Writes to standard error, so that standard output stays for data. */
export function writeToStderr(text: string): void {
  process.stderr.write(`${text}\n`);
}
