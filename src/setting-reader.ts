import { parseDecimal } from "./money.ts";

/** Variables by their names. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;

/** Reads one variable after the other and collects what is wrong; no problem repeats a value. */
export class SettingReader {
  readonly problems: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  text(name: string): string | null {
    const value = this.#env[name]?.trim();
    return value === undefined || value === "" ? null : value;
  }

  required(name: string, what: string): string {
    const value = this.text(name);
    if (value === null) this.problems.push(`${name} is missing: ${what}`);
    return value ?? "";
  }

  list(name: string): readonly string[] {
    const items = (this.text(name) ?? "").split(",").map((item) => item.trim());
    return items.filter((item) => item !== "");
  }

  /** Every variable with this prefix that is not empty, by its whole name. */
  allWith(prefix: string): Readonly<Record<string, string>> {
    const names = Object.keys(this.#env).filter((name) => name.startsWith(prefix));
    return Object.fromEntries(
      names.map((name) => [name, this.text(name) ?? ""]).filter(([, value]) => value !== ""),
    ) as Readonly<Record<string, string>>;
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[], fallback: Choice): Choice {
    const value = this.text(name) ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.problems.push(`${name} must be one of: ${choices.join(", ")}`);
    return found ?? fallback;
  }

  whole(name: string, fallback: number, range: readonly [min: number, max: number]): number {
    const text = this.text(name);
    if (text === null) return fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    const [min, max] = range;
    if (value >= min && value <= max) return value;
    this.problems.push(`${name} must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** A span such as "1500ms", "90s", "2h"; a bare number is refused, since its unit would be a guess. */
  spanMs(name: string, fallbackMs: number): number {
    const text = this.text(name);
    if (text === null) return fallbackMs;
    const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
    const unitMs = { ms: 1, s: 1_000, m: MINUTE_MS, h: HOUR_MS }[match?.[2] ?? ""];
    if (match === null || unitMs === undefined) {
      this.problems.push(`${name} must be a span like 1500ms, 90s, 10m or 2h`);
      return fallbackMs;
    }
    return Number(match[1]) * unitMs;
  }

  /** A plain decimal as base units. */
  atomic(name: string, decimals: number, fallback: bigint): bigint {
    const text = this.text(name);
    if (text === null) return fallback;
    const value = parseDecimal(text, decimals);
    if (value === null)
      this.problems.push(
        `${name} must be a plain decimal with at most ${decimals} fraction digits`,
      );
    return value ?? fallback;
  }

  hex32(name: string, what: string): string {
    const value = this.required(name, what).toLowerCase();
    if (value !== "" && !/^[0-9a-f]{64}$/.test(value))
      this.problems.push(`${name} must be 64 hex digits`);
    return value;
  }

  url(name: string): string | null {
    const value = this.text(name);
    if (value !== null && !/^https?:$/.test(URL.parse(value)?.protocol ?? "")) {
      this.problems.push(`${name} must be an http or https address`);
      return null;
    }
    return value;
  }
}
