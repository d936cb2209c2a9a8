import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Memory {
  readonly url: string;
  close(): Promise<void>;
}

type Serve = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/**
 * A chain server that asks the real one each question once and repeats its answer from then on: for a chain on which
 * nothing happens, so that what is measured is not the chain's virtual machine.
 */
export async function openMemory(realUrl: string): Promise<Memory> {
  const answers = new Map<string, Promise<string>>();
  const serve: Serve = async (request, response) => {
    const question = await textOf(request);
    const answer = answers.get(question) ?? ask(realUrl, question);
    answers.set(question, answer);
    response.setHeader("content-type", "application/json").end(await answer);
  };
  const server = createServer((request, response) => void serve(request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${new URL(realUrl).pathname}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const part of request.setEncoding("utf8")) text += String(part);
  return text;
}

/** @throws for anything but an answer: it would be repeated, and ends the benchmark instead */
async function ask(url: string, body: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(url, { method: "POST", headers, body });
  if (!answer.ok) throw new Error(`the chain's server answers ${answer.status} to ${body}`);
  return answer.text();
}
