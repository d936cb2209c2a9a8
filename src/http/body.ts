import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { Refusal } from "../errors.ts";

/**
 * Takes JSON bodies and no others: plain UTF-8, not compressed, without members that would reach into an
 * object's prototype.
 */
export function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>(
    "application/json",
    { parseAs: "buffer" },
    (request, body, done) => {
      const encoding = request.headers["content-encoding"] ?? "identity";
      if (encoding !== "identity")
        return done(
          new Refusal("unsupported_media_type", "Send the body without Content-Encoding."),
        );
      if (!isUtf8(body)) return done(new Refusal("invalid_request", "The body is not UTF-8."));
      return parse(request, body.toString("utf8"), done);
    },
  );
}
