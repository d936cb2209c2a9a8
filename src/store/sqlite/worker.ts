/** The thread that owns the database. Started by `thread.ts`. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert } from "../../errors.ts";
import type { Actions } from "../tx.ts";
import { createRunBatch } from "./batch.ts";
import { copyAnswer } from "./call.ts";
import { createDrain } from "./engine.ts";
import { openOwned } from "./owner.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./thread.ts";

const port = parentPort;
assert(port !== null, "this file runs in a worker thread only");
const { file, actionsUrl, maxBatch } = workerData as WorkerStart;

const { actions } = (await import(actionsUrl)) as { readonly actions?: Actions };
assert(actions !== undefined, `${actionsUrl} exports no actions`);
const owned = openOwned(file);
const post = (message: FromWorker): void => port.postMessage(message);

const take = (message: ToWorker): void => {
  if (message.kind === "calls") drain.add(message.calls);
  else {
    owned.close();
    port.close();
  }
};
const drain = createDrain({
  runBatch: createRunBatch(owned.db, actions),
  maxBatch,
  answer: (answer) => copyAnswer(answer, (copied) => post({ kind: "answer", answer: copied })),
  poll() {
    for (
      let next = receiveMessageOnPort(port);
      next !== undefined;
      next = receiveMessageOnPort(port)
    )
      take(next.message as ToWorker);
  },
});
port.on("message", take);
post({ kind: "ready" });
