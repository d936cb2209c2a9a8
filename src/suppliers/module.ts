import type { Supplier } from "./supplier.ts";

/** One thing an operator configures for a supplier, given as text. */
export interface Setting {
  /** "api_key" of "sim-cards" is the environment variable VEND402_SUPPLIER_SIM_CARDS_API_KEY. */
  readonly name: string;
  readonly isSecret: boolean;
  /** What the text must be, for the list of configuration faults: "an http or https URL". */
  readonly must: string;
  accepts(text: string): boolean;
}

/** An adapter as the registry lists it. */
export interface SupplierModule {
  /** The folder's name. */
  readonly id: string;
  /** All required. */
  readonly settings: readonly Setting[];
  /** @param texts Every setting by name, each accepted by its `accepts`. Opens nothing, calls nobody. */
  open(texts: Readonly<Record<string, string>>): Supplier;
}

/** An address to call: http or https, without credentials, query or fragment in it. */
export function isCallableUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) return false;
  return url.username === "" && url.password === "" && url.search === "" && url.hash === "";
}
