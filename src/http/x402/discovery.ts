import type { X402Discovery } from "#wire/x402";
import type { JsonObject } from "../../json.ts";
import type { HttpDeps } from "../deps.ts";

/** The one resource that is paid for. */
export const ORDER_PATH = "/api/v1/x402/order";
export const PLANS_PATH = "/api/v1/x402/plans";

export const SHOP_NAME = "Vend402";
export const DESCRIPTION =
  "Travel eSIMs and prepaid cards for agents: validated before it is charged, delivered or refunded";
export const TAGS: readonly string[] = ["esim", "travel", "prepaid-card", "connectivity"];

const JSON_SCHEMA = "https://json-schema.org/draft/2020-12/schema";

const BODY_SCHEMA = {
  type: "object",
  properties: {
    plan_id: { type: "string" },
    product: { type: "string", enum: ["travel-esim", "prepaid-card"] },
    amount_usdc: { type: "string" },
    client_ref: { type: "string" },
  },
} as const satisfies JsonObject;

const OUTPUT_EXAMPLE = {
  order_id: "ord_…",
  status: "PROVISIONING",
  status_url: `${ORDER_PATH}/ord_…`,
  access_token: "…",
} as const satisfies JsonObject;

/** The extension `bazaar` (@x402/extensions 2.27): how the route is called, for catalogues of paid services. */
const BAZAAR = {
  info: {
    input: {
      type: "http",
      method: "POST",
      bodyType: "json",
      body: { plan_id: "jp-1024mb-7d-1f0c22ab" },
    },
    output: { type: "json", example: OUTPUT_EXAMPLE },
  },
  schema: {
    $schema: JSON_SCHEMA,
    type: "object",
    properties: {
      input: {
        type: "object",
        properties: {
          type: { type: "string", const: "http" },
          method: { type: "string", enum: ["POST"] },
          bodyType: { type: "string", enum: ["json"] },
          body: BODY_SCHEMA,
        },
        required: ["type", "method", "bodyType", "body"],
        additionalProperties: false,
      },
      output: {
        type: "object",
        properties: { type: { type: "string" }, example: { type: "object" } },
        required: ["type"],
      },
    },
    required: ["input"],
  },
} as const satisfies JsonObject;

/** The extension `payment-identifier`: clients may add `info.id`, and a payment with a known one is not taken twice. */
const PAYMENT_IDENTIFIER = {
  info: { required: false },
  schema: {
    $schema: JSON_SCHEMA,
    type: "object",
    properties: {
      required: { type: "boolean" },
      id: { type: "string", minLength: 16, maxLength: 128, pattern: "^[a-zA-Z0-9_-]+$" },
    },
    required: ["required"],
  },
} as const satisfies JsonObject;

/** What every 402 declares beside its terms. */
export const EXTENSIONS = {
  bazaar: BAZAAR,
  "payment-identifier": PAYMENT_IDENTIFIER,
} as const satisfies JsonObject;

/** What version 1 says of input and output with every entry of `accepts`. */
export const OUTPUT_SCHEMA_V1 = {
  input: { type: "http", method: "POST", discoverable: true, bodyType: "json" },
  output: OUTPUT_EXAMPLE,
} as const satisfies JsonObject;

/** `GET /.well-known/x402` */
export function describeShop({
  rails,
  settings,
}: Pick<HttpDeps, "rails" | "settings">): X402Discovery {
  const { publicBaseUrl: base } = settings;
  return {
    version: 1,
    x402Version: 2,
    resources: [`${base}${ORDER_PATH}`],
    networks: rails.map(({ id, assets, x402 }) => ({
      network: id.slice(0, id.indexOf("/")),
      rail: id,
      scheme: x402 === undefined ? "deposit" : "exact",
      assets: assets.map(({ symbol }) => symbol),
    })),
    catalogue: `${base}${PLANS_PATH}`,
    openapi: `${base}/openapi.json`,
    instructions:
      `POST ${ORDER_PATH} with {"plan_id"} from ${PLANS_PATH}; pay the 402; poll status_url. ` +
      "A paid order ends delivered or refunded. Keep access_token: it reads the goods.",
  };
}

/** `GET /llms.txt` (https://llmstxt.org): the whole purchase on one page, for agents that read prose. */
export function llmsText({ settings }: Pick<HttpDeps, "settings">): string {
  const { publicBaseUrl: base } = settings;
  return `# ${SHOP_NAME}

> ${DESCRIPTION}. No account is needed: the payment is the identity.

## Buy a travel eSIM

1. \`GET ${base}${PLANS_PATH}?country=JP\` lists plans with their prices in USD.
2. \`POST ${base}${ORDER_PATH}\` with \`{"plan_id": "…", "client_ref": "<random>"}\` answers 402: the order is
   stored, its price is fixed until \`expires_at\`. Terms are in \`PAYMENT-REQUIRED\` (x402 version 2) and in the body
   (version 1); \`deposits\` are ways to pay without x402.
3. Sign one entry of \`accepts\` and repeat the request with \`PAYMENT-SIGNATURE\`, or send it to \`pay_url\`. The answer
   is 202 with the order (200 with the goods when they are ready). **202 means paid or being paid: never sign again.**
4. Poll \`status_url\` (\`If-None-Match\`, \`Retry-After\`), or read \`status_url/events\` as server-sent events. Send the
   access token as \`Authorization: Bearer …\` to read the activation code and its QR code.

Stock x402 clients refuse more than 1 USD by default: raise their spend limit first.

## Promises

- A request that would be refused is refused before anything is charged.
- The same \`Idempotency-Key\`, payment identifier or \`client_ref\` never buys twice.
- A paid order ends DELIVERED or REFUNDED; \`refunds\` shows the transaction.

## More

- [Catalogue](${base}${PLANS_PATH})
- [OpenAPI](${base}/openapi.json)
- [Error codes](${base}/docs/errors)
- [x402 discovery](${base}/.well-known/x402)
`;
}
