/** Reads an event stream byte by byte, as a client does that trusts nobody. */
import { get, type IncomingMessage } from "node:http";
import type { OrderView } from "#wire";
import { onTestFinished } from "vitest";
import type { TestShop } from "./test-shop.ts";

export interface ReadStream {
  readonly response: IncomingMessage;
  /** Everything so far, the chunked encoding taken off. */
  text(): string;
  events(): readonly { readonly id: number; readonly view: OrderView }[];
  /** Resolves when the text holds it; rejects when the stream ends without. */
  until(wanted: string | ((text: string) => boolean)): Promise<string>;
  /** "end": the server finished the body · "cut": the connection went away in its midst. */
  readonly ended: Promise<"cut" | "end">;
  destroy(): void;
}

export interface StreamInit {
  readonly apiKey?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Take no bytes off the socket until `response.resume()`. */
  readonly isPaused?: boolean;
}

/** Opens an order's stream and resolves with the head of the answer, whatever its status. */
export async function openStream(
  shop: Pick<TestShop, "apiKey" | "url">,
  orderId: string,
  init: StreamInit = {},
): Promise<ReadStream> {
  const headers = { "x-api-key": init.apiKey ?? shop.apiKey, ...init.headers };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${shop.url}/v1/orders/${orderId}/stream`, { headers, agent: false }, resolve).once(
      "error",
      reject,
    );
  });
  onTestFinished(() => {
    response.destroy();
  });
  let text = "";
  let hasEnded = false;
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  response.setEncoding("utf8");
  response.on("data", (part: string) => {
    text += part;
    tell();
  });
  if (init.isPaused === true) response.pause();
  const ended = new Promise<"cut" | "end">((resolve) => {
    response.on("error", () => {});
    response.on("close", () => {
      hasEnded = true;
      resolve(response.complete ? "end" : "cut");
      tell();
    });
  });
  return {
    response,
    text: () => text,
    events: () => eventsOf(text),
    ended,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const found = typeof wanted === "string" ? text.includes(wanted) : wanted(text);
          if (!found && !hasEnded) return;
          listeners.delete(check);
          if (found) resolve(text);
          else reject(new Error(`the stream ended with: ${text.slice(-400)}`));
        };
        listeners.add(check);
        check();
      }),
    destroy: () => response.destroy(),
  };
}

const EVENT = /^id: (\d+)\nevent: phase\ndata: ([^\n]*)$/;

function eventsOf(text: string): { id: number; view: OrderView }[] {
  return text
    .split("\n\n")
    .slice(0, -1)
    .filter((block) => !block.startsWith(":"))
    .map((block) => {
      const match = EVENT.exec(block);
      if (match === null) throw new Error(`not a frame: ${JSON.stringify(block)}`);
      return { id: Number(match[1]), view: JSON.parse(match[2] ?? "") as OrderView };
    });
}
