/** One event of a `text/event-stream` (WHATWG HTML §9.2). */
export interface StreamEvent {
  /** "message" unless the stream names it. */
  readonly type: string;
  /** Lines of `data` joined by \n. */
  readonly data: string;
  /** The last id of the stream so far; "" when it never sent one. */
  readonly id: string;
}

const MAX_EVENT_CHARACTERS = 1_048_576;

/** The stream keeps sending without ever completing an event. */
export class StreamOverflow extends Error {
  override readonly name = "StreamOverflow";
}

/**
 * Reads an event stream from pieces of any size, cut anywhere, also inside a character or between \r and \n.
 * Ours rather than a package: the limit on size must hold for what is kept between pieces, and nothing else is needed.
 */
export interface SseParser {
  /** Events completed by this piece, in order. @throws StreamOverflow at 1 MiB of unfinished event. */
  readonly push: (piece: Uint8Array) => StreamEvent[];
}

export function createSseParser(): SseParser {
  // Drops the byte order mark that may open the stream, and replaces bytes that are not UTF-8.
  const decoder = new TextDecoder("utf-8");
  let unfinishedLine = "";
  let endedWithCr = false;
  let event = { type: "", data: [] as string[], size: 0 };
  let lastId = "";

  function takeLine(line: string): StreamEvent | null {
    if (line === "") {
      const done = event;
      event = { type: "", data: [], size: 0 };
      if (done.data.length === 0) return null;
      return {
        type: done.type === "" ? "message" : done.type,
        data: done.data.join("\n"),
        id: lastId,
      };
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (field === "data") {
      event.data.push(value);
      event.size += value.length + 1;
    } else if (field === "event") event.type = value;
    else if (field === "id" && !value.includes("\0")) lastId = value;
    return null;
  }

  return {
    push(piece) {
      let text = decoder.decode(piece, { stream: true });
      if (text === "") return [];
      // A \n that opens this piece belongs to the \r that closed the last one.
      const isSplitCrLf = endedWithCr && text.startsWith("\n");
      endedWithCr = text.endsWith("\r");
      if (isSplitCrLf) text = text.slice(1);
      const lines = text.split(/\r\n|\r|\n/);
      lines[0] = unfinishedLine + (lines[0] ?? "");
      unfinishedLine = lines.pop() ?? "";
      const events = lines.map(takeLine).filter((taken) => taken !== null);
      if (event.size + unfinishedLine.length > MAX_EVENT_CHARACTERS)
        throw new StreamOverflow("an event of more than 1 MiB");
      return events;
    },
  };
}
