/** Whom this shop can buy from: one line per adapter. */
import { esimAccess } from "./esim-access/index.ts";
import type { SupplierModule } from "./module.ts";
import { simCards } from "./sim-cards/index.ts";

export const supplierModules: readonly SupplierModule[] = [simCards, esimAccess];
