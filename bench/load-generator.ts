/**
 * Sends orders over keep-alive connections as fast as they are answered, one at a time on each. Raw sockets,
 * because a full HTTP client would take more of the machine than the server that is measured.
 *
 * load-generator.ts LOAD, which is a `Load` as JSON
 */
import { connect, type Socket } from "node:net";
import type { Load, LoadReport } from "./load.ts";
import { percentile } from "./report.ts";

const COUNTER = "%n";
const load = JSON.parse(process.argv[2] ?? "") as Load;
const url = new URL(load.url);
const template = requestText(load);
const isVaried = template.includes(COUNTER);
const constantRequest = Buffer.from(template);

const latenciesMs: number[] = [];
let answered = 0;
let refused = 0;
let sent = 0;
let isOver = false;

function requestText({ method, path, headers, body }: Load): string {
  const lines = Object.entries({
    Host: url.host,
    ...headers,
    ...(body === "" ? {} : { "Content-Type": "application/json" }),
    ...(method === "GET" ? {} : { "Content-Length": String(filled(body, 0).length) }),
  }).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${path} HTTP/1.1`, ...lines, "", body].join("\r\n");
}

/** As many digits whatever the number, so that the length of the body stays the same. */
function filled(text: string, count: number): string {
  return text.replaceAll(COUNTER, `${process.pid}-${String(count).padStart(9, "0")}`);
}

function nextRequest(): Buffer {
  sent++;
  return isVaried ? Buffer.from(filled(template, sent)) : constantRequest;
}

const HEAD_END = Buffer.from("\r\n\r\n");

/** Bytes of the whole answer that begins the buffer, or 0 when it is not complete yet. */
function answerLength(buffer: Buffer): number {
  const end = buffer.indexOf(HEAD_END);
  if (end < 0) return 0;
  const head = buffer.toString("latin1", 0, end);
  if (head.startsWith("HTTP/1.1 304")) return end + HEAD_END.length;
  const length = /content-length: (\d+)/i.exec(head)?.[1];
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
    if (pending.toString("latin1", 9, 12) === String(load.expectedStatus)) answered++;
    else refused++;
    latenciesMs.push(performance.now() - sentAtMs);
    pending = pending.subarray(length);
    if (!isOver) send();
  });
  socket.on("error", () => refused++);
  send();
}

const sockets: Socket[] = [];
for (let i = 0; i < load.connections; i++) {
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
await new Promise((resolve) => setTimeout(resolve, load.seconds * 1000));
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
