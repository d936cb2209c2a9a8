import { parseArgs } from "node:util";
import { startCardSupplier, type CardSupplierOptions } from "./card-supplier.ts";
import { magicFaceValues } from "./card-faults.ts";
import { magicPackages } from "./esim-access/catalogue.ts";
import { startEsimSupplier, type EsimSupplierOptions } from "./esim-access/index.ts";

const usage = `Usage: vend402-devnet suppliers [options]

Starts a simulated card supplier and a simulated eSIM wholesaler on the loopback interface and runs until
it is interrupted.

  --port <n>       port of the card supplier (default 4010)
  --esim-port <n>  port of the eSIM wholesaler (default: the port after the card supplier's)
  --speed <n>      times faster than a real supplier; 1 takes about 17 s for a card (default 10)
  --seed <text>    decides every random draw (default "vend402")
  --data-dir <dir> keep the ledgers of what was sold in <dir> over restarts
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
  const card = await startCardSupplier(options.card);
  const esim = await startEsimSupplier(options.esim).catch(async (error: unknown) => {
    await card.close();
    throw error;
  });
  const running: Running = {
    card: { url: card.url, apiKey: card.apiKey },
    esim: { url: esim.url, ...esim.credentials },
  };
  process.stdout.write(
    options.json ? `${JSON.stringify({ event: "suppliers", ...running })}\n` : greeting(running),
  );
  await interrupted(signal);
  await Promise.all([card.close(), esim.close()]);
  return 0;
}

/** What a client needs of each. */
interface Running {
  readonly card: { readonly url: string; readonly apiKey: string };
  readonly esim: { readonly url: string; readonly accessCode: string; readonly secret: string };
}

interface CliOptions {
  readonly card: CardSupplierOptions;
  readonly esim: EsimSupplierOptions;
  readonly json: boolean;
}

/** The options, or the text to print instead of starting. */
function readOptions(args: readonly string[]): CliOptions | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "4010" },
        "esim-port": { type: "string" },
        speed: { type: "string", default: "10" },
        seed: { type: "string", default: "vend402" },
        "data-dir": { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) return usage;
    const port = Number(values.port);
    // Two free ports where one was asked for.
    const esimPort = Number(values["esim-port"] ?? (port === 0 ? 0 : port + 1));
    const speed = Number(values.speed);
    if (!isPort(port)) return `--port: ${values.port} is not a port from 0 to 65535\n\n${usage}`;
    if (!isPort(esimPort))
      return `--esim-port: ${esimPort} is not a port from 0 to 65535\n\n${usage}`;
    if (!(speed > 0 && Number.isFinite(speed))) {
      return `--speed: ${values.speed} is not a number above 0\n\n${usage}`;
    }
    const dataDir = values["data-dir"];
    const both = { speed, seed: values.seed, ...(dataDir === undefined ? {} : { dataDir }) };
    return { json: values.json, card: { ...both, port }, esim: { ...both, port: esimPort } };
  } catch (error) {
    // parseArgs throws for unknown options; its message names them.
    return `${error instanceof Error ? error.message : String(error)}\n\n${usage}`;
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65_535;
}

function greeting({ card, esim }: Running): string {
  const after = (when: string | undefined): string =>
    when === "after" ? " after it took effect" : "";
  const faces = magicFaceValues.map(
    ({ faceValue, call, fault, when }) =>
      `  ${faceValue.padStart(11)}  ${call}: ${fault}${after(when)}`,
  );
  const packages = magicPackages.map(
    ({ packageCode, call, fault, when }) => `  ${packageCode}  ${call}: ${fault}${after(when)}`,
  );
  return [
    "Simulated suppliers: nothing here costs money, no card and no eSIM works anywhere.",
    "",
    `  cards        ${card.url}`,
    `  api key      ${card.apiKey}`,
    `  sold         ${card.url}/__sim/ledger`,
    "",
    `  eSIMs        ${esim.url}`,
    `  access code  ${esim.accessCode}`,
    `  secret       ${esim.secret}`,
    `  sold         ${esim.url}/__sim/ledger`,
    "",
    "Face values that misbehave:",
    ...faces,
    "",
    "Packages that misbehave (1 GB in Antarctica):",
    ...packages,
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
