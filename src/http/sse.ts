/** The bytes of an event stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */

/** First bytes of every stream: a comment. */
export const OPENING = ": connected\n\n";

/** A comment that keeps proxies and clients from giving up on a silent stream. */
export const HEARTBEAT = ": keepalive\n\n";

/** One event. The JSON has no line breaks, so one `data` line carries it. */
export function frame(seq: number, json: string): string {
  return `id: ${seq}\nevent: phase\ndata: ${json}\n\n`;
}

const SEQ = /^\d{1,15}$/;

/**
 * The event after which a client wants to go on, from `Last-Event-ID`; null when it wants the current state.
 * A number that this order has not reached (an id of another server's making) counts as no number.
 */
export function resumeAfter(header: string | undefined, currentSeq: number): number | null {
  if (header === undefined || !SEQ.test(header)) return null;
  const seq = Number(header);
  return seq <= currentSeq ? seq : null;
}
