import { Worker } from "node:worker_threads";
import type { Answer, Call } from "./call.ts";
import type { Engine, EngineOptions } from "./engine.ts";

export interface WorkerStart {
  readonly file: string;
  readonly actionsUrl: string;
  readonly maxBatch: number;
}

export type ToWorker =
  | { readonly kind: "calls"; readonly calls: readonly Call[] }
  | { readonly kind: "stop" };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly answer: Answer };

const WORKER_URL = new URL("./worker.ts", import.meta.url);

/**
 * In a thread of its own, so that neither a commit nor a checkpoint holds up requests.
 *
 * @param actionsUrl Module that exports `actions`.
 * @param onFatal The thread is gone with whatever it had not answered.
 */
export async function startThread(
  options: EngineOptions,
  actionsUrl: string,
  onFatal: (error: Error) => void,
): Promise<Engine> {
  const { file, maxBatch } = options;
  const start: WorkerStart = { file, actionsUrl, maxBatch };
  const worker = new Worker(WORKER_URL, { name: "store", workerData: start });
  const post = (message: ToWorker): void => worker.postMessage(message);
  const exited = new Promise<void>((resolve) => {
    worker.once("exit", () => resolve());
  });
  await new Promise<void>((resolve, reject) => {
    worker.once("error", reject);
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "ready") resolve();
      else options.answer(message.answer);
    });
    void exited.then(() => reject(new Error("the database thread ended while it was starting")));
  });
  let isStopping = false;
  // An error is followed by the exit; one report is enough.
  const lost = new Promise<Error>((resolve) => {
    worker.on("error", resolve);
    worker.once("exit", () => resolve(new Error("the database thread ended")));
  });
  void lost.then((error) => {
    if (!isStopping) onFatal(error);
  });
  return {
    submit: (calls) => post({ kind: "calls", calls }),
    stop: async () => {
      isStopping = true;
      post({ kind: "stop" });
      await exited;
    },
  };
}
