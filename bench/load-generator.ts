/**
 * Sends orders over keep-alive connections as fast as they are answered, one at a time on each. Raw sockets,
 * because a full HTTP client would take more of the machine than the server that is measured.
 *
 * load-generator.ts URL API-KEY CONNECTIONS SECONDS plain|idempotent
 */
import { connect, type Socket } from "node:net";
import type { LoadReport } from "./intake.ts";
import { percentile } from "./report.ts";

const [address = "", apiKey = "", connections = "1", seconds = "1", mode = "plain"] =
  process.argv.slice(2);
const url = new URL(address);
const body = JSON.stringify({ amount_usdc: "10.00" });
const head = [
  "POST /v1/orders HTTP/1.1",
  `Host: ${url.host}`,
  `X-Api-Key: ${apiKey}`,
  "Content-Type: application/json",
  `Content-Length: ${body.length}`,
].join("\r\n");
const plainRequest = Buffer.from(`${head}\r\n\r\n${body}`);

const latenciesMs: number[] = [];
let answered = 0;
let refused = 0;
let sent = 0;
let isOver = false;

function nextRequest(): Buffer {
  sent++;
  return mode === "plain"
    ? plainRequest
    : Buffer.from(`${head}\r\nIdempotency-Key: bench-${process.pid}-${sent}\r\n\r\n${body}`);
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** Bytes of the whole answer that begins the buffer, or 0 when it is not complete yet. */
function answerLength(buffer: Buffer): number {
  const end = buffer.indexOf(HEAD_END);
  if (end < 0) return 0;
  const length = /content-length: (\d+)/i.exec(buffer.toString("latin1", 0, end))?.[1];
  if (length === undefined) throw new Error("an answer without a length");
  const whole = end + HEAD_END.length + Number(length);
  return buffer.length >= whole ? whole : 0;
}

function run(socket: Socket): void {
  let pending: Buffer = Buffer.alloc(0);
  let sentAtMs = 0;
  const send = (): void => {
    sentAtMs = performance.now();
    socket.write(nextRequest());
  };
  socket.on("data", (data: Buffer) => {
    pending = pending.length === 0 ? data : Buffer.concat([pending, data]);
    const length = answerLength(pending);
    if (length === 0) return;
    if (pending.toString("latin1", 9, 12) === "201") answered++;
    else refused++;
    latenciesMs.push(performance.now() - sentAtMs);
    pending = pending.subarray(length);
    if (!isOver) send();
  });
  socket.on("error", () => refused++);
  send();
}

const sockets: Socket[] = [];
for (let i = 0; i < Number(connections); i++) {
  const socket = connect(Number(url.port), url.hostname);
  socket.setNoDelay(true);
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
}
const startMs = performance.now();
const cpuBefore = process.cpuUsage();
for (const socket of sockets) run(socket);
await new Promise((resolve) => setTimeout(resolve, Number(seconds) * 1000));
isOver = true;
const elapsedS = (performance.now() - startMs) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const report: LoadReport = {
  answered,
  refused,
  seconds: elapsedS,
  p50Ms: percentile(latenciesMs, 0.5),
  p99Ms: percentile(latenciesMs, 0.99),
  cpuShare: (cpu.user + cpu.system) / 1e6 / elapsedS,
};
process.stdout.write(JSON.stringify(report));
for (const socket of sockets) socket.destroy();
