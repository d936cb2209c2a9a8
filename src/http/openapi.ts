import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { TSchema } from "typebox";
import type { ErrorCode } from "#wire";
import { REFUSALS } from "../errors.ts";
import type { HttpSettings } from "./deps.ts";
import { ErrorAnswer } from "./schemas.ts";

/** How the OpenAPI document is made from the routes' schemas. */
export function openapiOptions({
  publicBaseUrl,
  version,
}: Pick<HttpSettings, "publicBaseUrl" | "version">): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Vend402",
        version,
        description:
          "Create an order, pay it on chain, read the goods from the stream or by polling. Branch on `error` and `retryable`, never on `message`.",
        license: { name: "Apache-2.0", identifier: "Apache-2.0" },
      },
      servers: [{ url: publicBaseUrl }],
      components: {
        securitySchemes: {
          apiKey: { type: "apiKey", in: "header", name: "X-Api-Key" },
          accessToken: { type: "http", scheme: "bearer" },
        },
      },
    },
  };
}

/** Security of the routes behind `authenticate`. */
export const WITH_KEY: readonly { readonly [scheme: string]: readonly string[] }[] = [
  { apiKey: [] },
];

/** Refusals that any route behind `authenticate` may give. */
export const KEY_REFUSALS: readonly ErrorCode[] = [
  "missing_api_key",
  "invalid_api_key",
  "api_key_expired",
  "api_key_suspended",
  "forbidden",
  "rate_limit_exceeded",
  "too_many_failed_auth_attempts",
  "internal_error",
];

/** Refusals that any route may give where a key is welcome and not needed. */
export const OPEN_REFUSALS: readonly ErrorCode[] = [
  ...KEY_REFUSALS.filter((code) => code !== "missing_api_key"),
  "too_many_requests",
];

/** The `response` part of a route's schema: its success and its refusals, grouped by status. */
export function answers(
  success: Readonly<Record<number, TSchema>>,
  refusals: readonly ErrorCode[],
): Record<string, unknown> {
  const byStatus = Map.groupBy(refusals, (code) => REFUSALS[code].status);
  return {
    ...success,
    ...Object.fromEntries(
      Array.from(byStatus, ([status, codes]) => [
        status,
        { ...ErrorAnswer, description: codes.map((code) => `\`${code}\``).join(", ") },
      ]),
    ),
  };
}
