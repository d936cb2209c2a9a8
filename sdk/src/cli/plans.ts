import { parseArgs } from "node:util";
import { listPlans } from "../x402/buy.ts";
import { UsageError, type Command } from "./command.ts";
import { columns, dataText, printJson } from "./print.ts";
import { x402ShopFrom } from "./settings.ts";

/** The catalogue of travel eSIMs. */
export const plans: Command = {
  usage: "plans",
  summary: "list the travel eSIMs on sale, cheapest first",
  options: [
    ["--country JP", "only plans that work there"],
    ["--min-data <MB>", "only plans with at least so much data"],
    ["--json", "print JSON"],
  ],
  async run(args, terminal) {
    const options = {
      country: { type: "string" },
      "min-data": { type: "string" },
      json: { type: "boolean", default: false },
    } as const;
    const { values } = parseArgs({ args: [...args], options });
    const { country, "min-data": minData } = values;
    if (country !== undefined && !/^[A-Za-z]{2}$/.test(country))
      throw new UsageError("--country is a code of two letters, such as JP");
    if (minData !== undefined && !/^[1-9]\d{0,7}$/.test(minData))
      throw new UsageError("--min-data is a number of MB");
    const found = await listPlans({
      ...x402ShopFrom(terminal.env),
      country,
      minDataMb: minData === undefined ? undefined : Number(minData),
      signal: terminal.signal,
    });
    if (values.json) printJson(terminal, found);
    else {
      const rows = found.map((plan) => [
        plan.plan_id,
        plan.price.amount,
        dataText(plan.data_bytes),
        String(plan.validity_days),
        plan.countries.length > 6
          ? `${String(plan.countries.length)} countries`
          : plan.countries.join(" "),
      ]);
      for (const line of columns([["PLAN", "USD", "DATA", "DAYS", "COUNTRIES"], ...rows]))
        terminal.data(line);
    }
    return 0;
  },
};
