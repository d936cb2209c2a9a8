import { done, failed, unknown, type Outcome } from "../../outcome.ts";
import type { PlanFacts } from "../../products/plan.ts";
import type { Goods } from "../../products/product.ts";
import type { Profile } from "./wire.ts";

/** Statuses from which nothing comes any more. */
const DEAD = new Set(["CANCEL", "REVOKE", "REVOKED", "UNUSED_EXPIRED", "USED_EXPIRED", "USED_UP"]);
/** Before the profile is there. */
const COMING = new Set(["CREATE", "PAYING", "PAID", "GETTING_RESOURCE"]);

/** Where the supplier names no access point: devices find it by themselves. */
const AUTOMATIC_APN = "automatic";

/** An activation code that needs nothing else: the fifth part asks for a confirmation code, which there is none of. */
const ACTIVATION_CODE = /^LPA:1\$[^$\s]{1,253}\$[^$\s]{1,255}(?:\$[\d.]*)?$/;
const ICCID = /^89\d{16,18}$/;

/** What the buyer gets of a profile; unknown while it is not whole, failed when it never will be what was sold. */
export function goodsOf(profile: Profile, facts: PlanFacts): Outcome<Goods> {
  const { esimStatus, iccid, ac } = profile;
  if (DEAD.has(esimStatus)) return failed(`the profile is ${esimStatus}`, "final");
  if (COMING.has(esimStatus)) return unknown("the profile is still being allocated");
  const installBefore = readTime(profile.expiredTime ?? "");
  if (!iccid || !ICCID.test(iccid) || !ac || !ACTIVATION_CODE.test(ac) || installBefore === null) {
    return unknown("the profile cannot be read");
  }
  if (!keepsPromise(profile, facts)) return failed("the profile is another plan", "final");
  return done({
    iccid,
    activation_code: ac,
    apn: profile.apn ? profile.apn : AUTOMATIC_APN,
    data_bytes: facts.dataBytes.toString(),
    validity_days: facts.validityDays.toString(),
    validity_starts: facts.validityStarts,
    install_before: installBefore,
    countries: facts.countries.join(","),
  });
}

function keepsPromise({ totalVolume, totalDuration }: Profile, facts: PlanFacts): boolean {
  if (typeof totalVolume !== "number" || typeof totalDuration !== "number") return false;
  return BigInt(totalVolume) >= facts.dataBytes && totalDuration >= facts.validityDays;
}

/** ISO 8601 with milliseconds of "2024-05-29T18:34:17+0000", which is not quite ISO; null when it is no time. */
function readTime(text: string): string | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\+0000|Z)$/.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}Z`);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}
