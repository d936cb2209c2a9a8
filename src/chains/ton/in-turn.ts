import type { Clock } from "../../clock.ts";
import { done, failed, type Outcome } from "../../outcome.ts";
import type { CallError } from "./call-error.ts";

/** A server that can be asked, and how it has done lately. */
export interface Server<Client> {
  /** Host and port; the rest of an address may hold a key. */
  readonly name: string;
  readonly client: Client;
  coolsUntilMs: number;
  readonly onHealth: (reason: string | null) => void;
}

/** Told when a server begins to fail, with the reason, and with null when it answers again. */
export type OnHealth = (server: string, reason: string | null) => void;

export function openServer<Client>(
  name: string,
  client: Client,
  onHealth: OnHealth | undefined,
): Server<Client> {
  let isWell = true;
  return {
    name,
    client,
    coolsUntilMs: 0,
    onHealth(reason) {
      if (isWell === (reason === null)) return;
      isWell = reason === null;
      onHealth?.(name, reason);
    },
  };
}

export type Answer<Value> =
  | { readonly kind: "value"; readonly value: Value }
  | {
      readonly kind: "error";
      readonly error: CallError;
      /** One of the servers may have carried it out. */
      readonly isPerhapsDone: boolean;
    };

export interface Asking<Client> {
  readonly servers: readonly Server<Client>[];
  readonly clock: Clock;
  readonly errorOf: (server: string, thrown: unknown) => CallError;
}

const COOLING_MS = 10_000;

/** Those that just failed are asked last. The first value wins; without one, an error that says nothing is kept back. */
export async function askInTurn<Client, Value>(
  { servers, clock, errorOf }: Asking<Client>,
  call: (client: Client) => Promise<Value>,
): Promise<Answer<Value>> {
  const nowMs = clock.now();
  const rank = ({ coolsUntilMs }: Server<Client>): number => (coolsUntilMs > nowMs ? 1 : 0);
  let error: CallError | null = null;
  let isPerhapsDone = false;
  for (const server of servers.toSorted((a, b) => rank(a) - rank(b))) {
    try {
      const value = await call(server.client);
      server.coolsUntilMs = 0;
      server.onHealth(null);
      return { kind: "value", value };
    } catch (thrown) {
      const found = errorOf(server.name, thrown);
      if (found.isAbsent) {
        server.coolsUntilMs = clock.now() + COOLING_MS;
        server.onHealth(found.reason);
      }
      isPerhapsDone ||= found.isPerhapsDone;
      // Something is missing only when nobody has it; a server that was not reached may.
      error = error === null || error.isMissing ? found : error;
    }
  }
  error ??= { reason: "no server is configured", ...NOTHING_SAID };
  return { kind: "error", error, isPerhapsDone };
}

const NOTHING_SAID = { isMissing: false, isAbsent: true, isPerhapsDone: false };

export function outcomeOf<Value>(answer: Answer<Value>): Outcome<Value> {
  return answer.kind === "value" ? done(answer.value) : failed(answer.error.reason, "retry");
}
