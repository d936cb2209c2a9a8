import { Refusal } from "../errors.ts";
import type { HttpSettings } from "./deps.ts";
import { mayBePublicHost } from "./public-address.ts";

/** Nothing that a URL parser would silently drop or that a header could not carry. */
const PRINTABLE = /^[\x21-\x7e]+$/;

/**
 * The URL that is called when the order ends, in normal form. Refuses `invalid_webhook_url`: not an absolute
 * URL in ASCII, not https (outside development), with a user name, or on an address that is not public.
 */
export function readWebhookUrl(
  text: string,
  settings: Pick<HttpSettings, "allowsPrivateWebhooks" | "environment">,
): string {
  const url = PRINTABLE.test(text) && URL.canParse(text) ? new URL(text) : null;
  if (url === null) throw refuse("it is not an absolute URL in ASCII");
  const isSecure = url.protocol === "https:";
  if (!isSecure && (settings.environment === "production" || url.protocol !== "http:"))
    throw refuse("it must be https");
  if (url.username !== "" || url.password !== "") throw refuse("it must not carry a user name");
  if (!settings.allowsPrivateWebhooks && !mayBePublicHost(url.hostname))
    throw refuse("its host is not a public address");
  return url.href;
}

function refuse(why: string): Refusal {
  return new Refusal("invalid_webhook_url", `webhook_url is unusable: ${why}.`);
}
