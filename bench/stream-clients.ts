/**
 * Opens one stream per order and says when each frame after the first arrives, by the machine's monotonic
 * clock, which all processes share.
 *
 * stream-clients.ts URL API-KEY COUNT
 */
import { connect } from "node:net";

const [address = "", apiKey = "", count = "1"] = process.argv.slice(2);
const url = new URL(address);
/** So many handshakes at a time. */
const OPENING_AT_ONCE = 100;

function open(orderId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => {
      socket.write(
        `GET /v1/orders/${orderId}/stream HTTP/1.1\r\nHost: ${url.host}\r\nX-Api-Key: ${apiKey}\r\n\r\n`,
      );
    });
    socket.setNoDelay(true);
    socket.on("error", reject);
    let isOpen = false;
    socket.on("data", (data: Buffer) => {
      const now = process.hrtime.bigint();
      if (isOpen) {
        if (data.includes("event: phase")) process.stdout.write(`frame ${orderId} ${now}\n`);
        return;
      }
      if (!data.toString("latin1", 0, 20).startsWith("HTTP/1.1 200"))
        return reject(new Error(`a stream was refused: ${data.toString("latin1", 0, 300)}`));
      isOpen = true;
      resolve();
    });
  });
}

const orderIds = Array.from({ length: Number(count) }, (_, i) => `ord_bench_${i}`);
for (let i = 0; i < orderIds.length; i += OPENING_AT_ONCE)
  await Promise.all(orderIds.slice(i, i + OPENING_AT_ONCE).map(open));
process.stdout.write("open\n");
