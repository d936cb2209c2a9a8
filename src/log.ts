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
  /^(number|pan|expiry|card|goods|sealed|seed|passphrase|token|authorization|cookie|api_?key|x-api-key|body|envelope)$|cvv|cvc|secret|password|pepper|activation_?code|private_?key|master_?key/i;
const API_KEY = /(?:cards402|vend402)_[0-9a-z]{16,}/gi;
const STELLAR_SEED = /(?<![A-Z2-7])S[A-Z2-7]{55}(?![A-Z2-7])/g;
/** As requests are named. One in some thousands has enough digits in a row for a card's number. */
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/;
/** Groups of digits with a blank or dash between them; hashes of 64 hex digits and UUIDs are taken whole, to be left alone. */
const DIGIT_GROUPS = new RegExp(
  `(?<![0-9a-f])(?:[0-9a-f]{64}|${UUID.source})(?![0-9a-f])|\\d+(?:[ -]\\d+)*`,
  "g",
);
/** What card schemes issue today; 13 digits would take one in ten timestamps with them. None begins with 0. */
const CARD_DIGITS = { min: 14, max: 19 } as const;
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
    .replace(DIGIT_GROUPS, (run) =>
      /[a-f]/.test(run) || UUID.test(run) ? run : withoutCards(run),
    );
}

/**
 * A card number may stand among other numbers ("7 4111 1111 1111 1111 12") and there is no telling which
 * digits are its own, so every group that is part of any possible number goes.
 */
function withoutCards(run: string): string {
  const groups = [...run.matchAll(/\d+/g)];
  const removed = new Set<number>();
  for (const first of groups.keys()) {
    let digits = "";
    for (let last = first; last < groups.length && digits.length < CARD_DIGITS.max; last++) {
      digits += groups[last]?.[0] ?? "";
      if (isCardNumber(digits)) for (let i = first; i <= last; i++) removed.add(i);
    }
  }
  if (removed.size === 0) return run;
  return groups.map(({ 0: group }, i) => (removed.has(i) ? REMOVED : group)).join(" ");
}

function isCardNumber(digits: string): boolean {
  const { min, max } = CARD_DIGITS;
  const hasLength = digits.length >= min && digits.length <= max;
  return hasLength && !digits.startsWith("0") && passesLuhn(digits);
}

function redact(value: unknown, depth: number): unknown {
  if (typeof value === "string") return redactText(value);
  if (typeof value === "number") return isCardNumber(String(value)) ? REMOVED : value;
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth > MAX_DEPTH) return "[deep]";
  if (value instanceof Error) return errorFacts(value, depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      redactText(name),
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

/** One line for the person or program that started the shop; everything else goes to the log. */
export function announce(text: string): void {
  process.stdout.write(`${text}\n`);
}
