import { parseArgs } from "node:util";
import { startCardSupplier, type CardSupplierOptions } from "./card-supplier.ts";
import { magicFaceValues } from "./card-faults.ts";

const usage = `Usage: vend402-devnet suppliers [options]

Starts a simulated card supplier on the loopback interface and runs until it is interrupted.

  --port <n>       port to listen on (default 4010)
  --speed <n>      times faster than a real supplier; 1 takes about 17 s for a card (default 10)
  --seed <text>    decides every random draw (default "vend402")
  --data-dir <dir> keep the ledger of sold cards in <dir> over restarts
  --json           print one JSON object instead of text
  --help           print this text
`;

/**
 * `vend402-devnet suppliers`: serves until `signal` aborts or the process gets SIGINT or SIGTERM.
 * Returns the exit code: 0 after a clean stop, 2 for arguments it does not understand.
 */
export async function runSuppliersCli(
  args: readonly string[],
  signal?: AbortSignal,
): Promise<number> {
  const options = readOptions(args);
  if (typeof options === "string") {
    const isHelp = options === usage;
    (isHelp ? process.stdout : process.stderr).write(options);
    return isHelp ? 0 : 2;
  }
  const supplier = await startCardSupplier(options.supplier);
  const { url, apiKey } = supplier;
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ event: "suppliers", card: { url, apiKey } })}\n`
      : greeting(url, apiKey),
  );
  await interrupted(signal);
  await supplier.close();
  return 0;
}

interface CliOptions {
  readonly supplier: CardSupplierOptions;
  readonly json: boolean;
}

/** The options, or the text to print instead of starting. */
function readOptions(args: readonly string[]): CliOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "4010" },
        speed: { type: "string", default: "10" },
        seed: { type: "string", default: "vend402" },
        "data-dir": { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return usage;
    const port = Number(values.port);
    const speed = Number(values.speed);
    if (!(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
      return `--port: ${values.port} is not a port from 0 to 65535\n\n${usage}`;
    }
    if (!(speed > 0 && Number.isFinite(speed))) {
      return `--speed: ${values.speed} is not a number above 0\n\n${usage}`;
    }
    const dataDir = values["data-dir"];
    const supplier = { port, speed, seed: values.seed };
    return {
      json: values.json,
      supplier: dataDir === undefined ? supplier : { ...supplier, dataDir },
    };
  } catch (error) {
    // parseArgs throws for unknown options; its message names them.
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
}

function greeting(url: string, apiKey: string): string {
  const magic = magicFaceValues.map(
    ({ faceValue, call, fault, when }) =>
      `  ${faceValue.padStart(6)}  ${call}: ${fault}${when === "after" ? " after it took effect" : ""}`,
  );
  return [
    "Simulated card supplier: nothing here costs money and no card works anywhere.",
    "",
    `  url      ${url}`,
    `  api key  ${apiKey}`,
    `  sold     ${url}/__sim/ledger`,
    "",
    "Face values that misbehave:",
    ...magic,
    "",
    "",
  ].join("\n");
}

async function interrupted(signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const stop = (): void => resolve();
    process.once("SIGINT", stop);
    process.once("SIGTERM", stop);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted === true) stop();
  });
}
