/** What this shop sells: one line per product. */
import { prepaidCard } from "./prepaid-card/index.ts";
import { travelEsim } from "./travel-esim/index.ts";

export const products = { prepaidCard, travelEsim } as const;
