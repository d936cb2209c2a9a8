import type { EsimFaultRule } from "./words.ts";

/** A data plan on offer; money is an integer, 10000 is 1.00 USD. */
export interface EsimPackage {
  readonly packageCode: string;
  readonly slug: string;
  readonly name: string;
  readonly price: number;
  /** Bytes. */
  readonly volume: number;
  readonly days: number;
  readonly countries: readonly string[];
  /** 1: from the first install, 2: from the first network. */
  readonly activeType: 1 | 2;
  /** 1: the volume in total, 2: so much a day. */
  readonly dataType: 1 | 2;
}

const GIGABYTE = 1024 ** 3;

/** Location, countries, name, price of a gigabyte for a week. */
// oxfmt-ignore
const places: readonly (readonly [string, readonly string[], string, number])[] = [
  ["JP",    ["JP"],                                     "Japan",          11_000],
  ["US",    ["US"],                                     "United States",  12_000],
  ["TH",    ["TH"],                                     "Thailand",        9_000],
  ["DE",    ["DE"],                                     "Germany",        10_000],
  ["TR",    ["TR"],                                     "Turkey",          8_000],
  ["AU",    ["AU"],                                     "Australia",      12_000],
  ["EU-6",  ["DE", "FR", "IT", "ES", "NL", "AT"],       "Europe",         14_000],
  ["AS-5",  ["JP", "KR", "TH", "SG", "MY"],             "Asia",           16_000],
];

/** Gigabytes, days, price in hundredths of the place's price. */
const sizes = [
  [1, 7, 100],
  [3, 15, 250],
  [5, 30, 380],
  [10, 30, 690],
] as const;

const regular: readonly EsimPackage[] = places.flatMap(([location, countries, place, base], row) =>
  sizes.map(([gigabytes, days, share], column) => ({
    packageCode: `P${row + 1}${column + 1}${location.replace("-", "_")}`,
    slug: `${location}_${gigabytes}_${days}`,
    name: `${place} ${gigabytes}GB ${days}Days`,
    // Whole cents, as the real prices are.
    price: Math.round((base * share) / 10_000) * 100,
    volume: gigabytes * GIGABYTE,
    days,
    countries,
    activeType: row % 2 === 0 ? 1 : 2,
    dataType: 1,
  })),
);

/** By the day, which a buyer of "3 GB" would not expect. */
const daily: EsimPackage = {
  packageCode: "PDAYJP",
  slug: "JP_1_Daily",
  name: "Japan 1GB/Day",
  price: 13_000,
  volume: GIGABYTE,
  days: 1,
  countries: ["JP"],
  activeType: 1,
  dataType: 2,
};

/** What the plans of Antarctica, by days of validity, always do; nobody travels there by chance. */
const misbehaviour: readonly Omit<EsimFaultRule, "packageCode">[] = [
  { call: "order", fault: "out_of_profiles", times: "always" },
  { call: "order", fault: "insufficient_balance", times: "always" },
  { call: "order", fault: "price_changed", perReference: true },
  { call: "order", fault: "error_500", perReference: true },
  { call: "order", fault: "error_500", when: "after", perReference: true },
  { call: "order", fault: "reset", when: "after", perReference: true },
  { call: "order", fault: "timeout", when: "after", perReference: true },
  { call: "order", fault: "busy", when: "after", perReference: true },
  { call: "query", fault: "still_allocating", times: "always" },
  { call: "query", fault: "error_500", perReference: true },
];

const magic = misbehaviour.map((rule, index): [EsimFaultRule, EsimPackage] => {
  const days = index + 1;
  const packageCode = `MAGIC_AQ_${days}`;
  const own: EsimPackage = {
    packageCode,
    slug: `AQ_1_${days}`,
    name: `Antarctica 1GB ${days}Days`,
    price: 10_000,
    volume: GIGABYTE,
    days,
    countries: ["AQ"],
    activeType: 1,
    dataType: 1,
  };
  return [{ ...rule, packageCode }, own];
});

/**
 * Packages that always misbehave in the same way, so that anybody can rehearse a failure with nothing but an
 * order: one gigabyte in Antarctica for 1 to 10 days. Each fires per transactionId.
 */
export const magicPackages: readonly (EsimFaultRule & { readonly packageCode: string })[] =
  magic.map(([rule, { packageCode }]) => ({ ...rule, packageCode }));

export const packages: readonly EsimPackage[] = [...regular, daily, ...magic.map(([, own]) => own)];

/** Null when neither a code nor a slug of the list. */
export function findPackage(name: string): EsimPackage | null {
  return packages.find((one) => one.packageCode === name || one.slug === name) ?? null;
}

/** Throws when nothing of that name is sold. */
export function packageNamed(name: string): EsimPackage {
  const found = findPackage(name);
  if (found === null) throw new RangeError(`${name} is no package`);
  return found;
}

/** As `package/list` tells it. */
export function packageJson(one: EsimPackage): unknown {
  return {
    packageCode: one.packageCode,
    slug: one.slug,
    name: one.name,
    price: one.price,
    retailPrice: one.price * 2,
    currencyCode: "USD",
    volume: one.volume,
    duration: one.days,
    durationUnit: "DAY",
    unusedValidTime: UNUSED_VALID_DAYS,
    location: one.countries.join(","),
    activeType: one.activeType,
    dataType: one.dataType,
    smsStatus: 0,
    speed: "3G/4G/5G",
    ipExport: "SG",
    supportTopUpType: 2,
    fupPolicy: "",
    locationNetworkList: one.countries.map((country) => ({
      locationName: country,
      locationLogo: `https://img.sim.example/${country.toLowerCase()}.png`,
      operatorList: [{ operatorName: `Operator ${country}`, networkType: "4G" }],
    })),
  };
}

/** Within which a profile must be installed. */
export const UNUSED_VALID_DAYS = 180;
