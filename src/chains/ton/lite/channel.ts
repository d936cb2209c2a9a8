import { createConnection } from "node:net";
import { type Handshake, shakeHands } from "./handshake.ts";
import { readPackets, writePacket } from "./packets.ts";

/** A LiteServer as a network's configuration names it: `ip`, `port` and `id.key`. */
export interface LiteServerAddress {
  readonly host: string;
  readonly port: number;
  /** 32 bytes, ed25519. */
  readonly publicKey: Buffer;
}

/** One encrypted connection, from its making to its end. */
export interface Channel {
  /** Only once it is ready. */
  send(payload: Buffer): void;
  /** Whether the process must live on for it; it need not at first. */
  hold(isNeeded: boolean): void;
  close(reason: string): void;
}

export interface ChannelEvents {
  readonly onReady: () => void;
  readonly onPayload: (payload: Buffer) => void;
  /** Once, the last one. */
  readonly onEnd: (reason: string) => void;
}

const IDLE_MS = 60_000;

/** Connects. Whatever a server sends, it ends in an event. */
export function openChannel(
  { host, port, publicKey }: LiteServerAddress,
  { onReady, onPayload, onEnd }: ChannelEvents,
): Channel {
  const socket = createConnection({ host, port, noDelay: true });
  const packets = readPackets();
  let hands: Handshake | null = null;
  let isReady = false;
  let isOver = false;

  const end = (reason: string): void => {
    socket.destroy();
    if (isOver) return;
    isOver = true;
    onEnd(reason);
  };
  const guarded = (act: () => void): void => {
    try {
      act();
    } catch (error) {
      end(error instanceof Error ? error.message : "what came is no answer");
    }
  };
  const receive = (payload: Buffer): void => {
    if (isReady) {
      // Nodes keep a connection alive by empty packets.
      if (payload.length > 0) onPayload(payload);
      return;
    }
    // The first one tells that the handshake was understood.
    if (payload.length > 0) throw new Error("it answers no handshake");
    isReady = true;
    onReady();
  };

  socket.unref();
  socket.setTimeout(IDLE_MS, () => end("it has fallen silent"));
  socket.on("connect", () =>
    guarded(() => {
      hands = shakeHands(publicKey);
      socket.write(hands.packet);
    }),
  );
  socket.on("data", (data: Buffer) =>
    guarded(() => {
      if (hands !== null && !isOver) packets.take(hands.decrypt(data)).forEach(receive);
    }),
  );
  socket.on("error", (error: NodeJS.ErrnoException) => end(error.code ?? "unknown error"));
  socket.on("close", () => end(isReady ? "the connection was closed" : "it refuses the handshake"));
  return {
    send(payload) {
      if (hands !== null && !isOver) socket.write(hands.encrypt(writePacket(payload)));
    },
    hold(isNeeded) {
      if (isNeeded) socket.ref();
      else socket.unref();
    },
    close: end,
  };
}
