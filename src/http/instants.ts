const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?:([Zz])|([+ -])(\d{2})(?::?(\d{2}))?)?)?$/;

const MINUTE_MS = 60_000;

/**
 * Milliseconds since 1970 of an ISO 8601 date or time with any offset, or null when it is none. Without an
 * offset it is UTC. A blank stands for a plus sign, since that is what an unescaped "+" in a query becomes.
 * Finer than a millisecond is rounded up, so that "since" never includes what came before.
 */
export function parseInstant(text: string): number | null {
  const match = ISO_8601.exec(text);
  if (match === null) return null;
  const [, years, months, days, ...time] = match;
  const dayMs = dayOf(Number(years), Number(months), Number(days));
  const timeMs = timeOf(time);
  const offsetMs = offsetOf(time);
  return dayMs === null || timeMs === null || offsetMs === null ? null : dayMs + timeMs - offsetMs;
}

function dayOf(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  // Unlike Date.UTC this takes the years 0 to 99 as they are.
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : null;
}

type Parts = readonly (string | undefined)[];

function timeOf([hours = "0", minutes = "0", seconds = "0", fraction = ""]: Parts): number | null {
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  const digits = fraction.padEnd(9, "0");
  const ms = Number(digits.slice(0, 3)) + (Number(digits.slice(3)) > 0 ? 1 : 0);
  return Number(hours) * 60 * MINUTE_MS + Number(minutes) * MINUTE_MS + Number(seconds) * 1000 + ms;
}

function offsetOf([, , , , , sign, hours = "0", minutes = "0"]: Parts): number | null {
  if (sign === undefined) return 0;
  if (Number(hours) > 23 || Number(minutes) > 59) return null;
  const offsetMs = (Number(hours) * 60 + Number(minutes)) * MINUTE_MS;
  return sign === "-" ? -offsetMs : offsetMs;
}
