/** The parts of an activation code (GSMA SGP.22 v2.4, section 4.1). */
export interface ActivationCode {
  /** Host name of the SM-DP+ server: "rsp.example.com". */
  readonly smdpAddress: string;
  /** Names the profile there. Whoever has it can download the profile, once. */
  readonly matchingId: string;
  /** Object identifier of the SM-DP+; null when the code has none. */
  readonly smdpOid: string | null;
  /** The device asks for a confirmation code, which comes on another way. */
  readonly needsConfirmation: boolean;
}

/** "LPA:" is the prefix of the QR code's text, "1" the only format there is. */
const FORMAT = "LPA:1";

const LABEL = String.raw`[A-Za-z0-9][A-Za-z0-9-]{0,62}`;
const HOST = String.raw`(?=[^$]{1,253}\$)(${LABEL}(?:\.${LABEL})+)`;
/** The characters that both the standard's matching id and a QR code's readers take. */
const MATCHING_ID = "([A-Za-z0-9-]{1,255})";
const OID = String.raw`(\d+(?:\.\d+)+)?`;
const CODE = new RegExp(String.raw`^${FORMAT}\$${HOST}\$${MATCHING_ID}(?:\$${OID}(?:\$(1)?)?)?$`);

/** The parts of "LPA:1$host$matchingId[$oid[$1]]"; null when it is not such a text. */
export function parseLpa(text: string): ActivationCode | null {
  const match = CODE.exec(text);
  if (match === null) return null;
  const [, smdpAddress = "", matchingId = "", smdpOid = null, flag] = match;
  return { smdpAddress, matchingId, smdpOid, needsConfirmation: flag === "1" };
}

/** The text that a device reads, without empty parts at its end. */
export function composeLpa(code: ActivationCode): string {
  const parts = [FORMAT, code.smdpAddress, code.matchingId];
  if (code.smdpOid !== null || code.needsConfirmation) parts.push(code.smdpOid ?? "");
  if (code.needsConfirmation) parts.push("1");
  return parts.join("$");
}

/** For iOS 17.4 and later; must open in the system's browser. */
export function iosInstallUrl(lpa: string): string {
  return installUrl("https://esimsetup.apple.com", lpa);
}

/** Best effort: not every Android device knows it, and not every profile can be installed by it. */
export function androidInstallUrl(lpa: string): string {
  return installUrl("https://esimsetup.android.com", lpa);
}

/** `:` and `$` are legal in a query, and the receiving apps do not all decode them. */
function installUrl(origin: string, lpa: string): string {
  const carddata = encodeURIComponent(lpa).replaceAll("%3A", ":").replaceAll("%24", "$");
  return `${origin}/esim_qrcode_provisioning?carddata=${carddata}`;
}
