import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";
import { Compile } from "typebox/compile";
import { Refusal } from "../errors.ts";

/** The first thing that is wrong with an input: the member ("/amount_usdc") and why. */
export class InputError extends Error {
  override readonly name = "InputError";
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.path = path;
  }
}

/** Compiles the routes' schemas. Nothing is coerced but whole numbers in a query, which have no other form. */
export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const validator = Compile(schema);
  const isQuery = httpPart === "querystring";
  return (input: unknown) => {
    const value = isQuery ? withIntegers(schema, input) : input;
    if (validator.Check(value)) return { value };
    const [first] = validator.Errors(value);
    const path = pathOf(first);
    return { error: new InputError(path, `${path === "" ? "The input" : path} ${first?.message}`) };
  };
};

/** A missing member is reported on the object around it; callers want its own name. */
function pathOf(
  error: { instancePath: string; keyword: string; params: object } | undefined,
): string {
  if (error === undefined) return "";
  const { instancePath, params } = error;
  if ("requiredProperties" in params && Array.isArray(params.requiredProperties))
    return `${instancePath}/${String(params.requiredProperties[0])}`;
  return instancePath;
}

const WHOLE_NUMBER = /^\d{1,9}$/;

function withIntegers(schema: TSchema, query: unknown): Record<string, unknown> {
  const properties = "properties" in schema ? (schema.properties as Record<string, object>) : {};
  const entries = Object.entries(query as object).map(([name, value]): [string, unknown] => {
    const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
    const isInteger = property !== undefined && "type" in property && property.type === "integer";
    const isNumber = isInteger && typeof value === "string" && WHOLE_NUMBER.test(value);
    return [name, isNumber ? Number(value) : value];
  });
  return Object.fromEntries(entries);
}

/** What an input error means where a route says nothing more exact. */
export function refuseInput(error: InputError): Refusal {
  return new Refusal("invalid_request", `${error.message}.`);
}
