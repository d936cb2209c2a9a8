import { json, problem, type Answer } from "./answer.ts";
import { carryOut, type CallParts, type Effect } from "./call.ts";
import type { Call } from "./card-faults.ts";
import { formatCents, parseCents, type Cents } from "./decimal.ts";
import type { Subject } from "./faults.ts";
import type { Issued, Issuer } from "./issuer.ts";
import type { Card, Ledger } from "./ledger.ts";
import { isSameSecret, notJson, parseBody, type HttpRequest } from "./server.ts";

/** One request to `/v1`, its body parsed and its API key checked. */
interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly idempotencyKey: string | null;
  /** Undefined when there was no body. */
  readonly body: unknown;
}

export interface ApiParts extends CallParts<Call> {
  readonly issuer: Issuer;
  readonly ledger: Ledger;
}

/** Answers one request to the API. */
export async function answerHttp(
  parts: ApiParts,
  apiKey: string,
  { method, path, query, headers, text }: HttpRequest,
): Promise<Answer> {
  const body = parseBody(text);
  if (body === null) return notJson();
  if (!path.startsWith("/v1/")) return problem("not_found", "No such path.");
  if (!isSameSecret(headers.authorization ?? "", `Bearer ${apiKey}`)) {
    return problem("unauthorized", "Authorization: Bearer <API key>.", {
      "www-authenticate": "Bearer",
    });
  }
  const key = headers["idempotency-key"];
  const idempotencyKey = typeof key === "string" ? key : null;
  const effect = route(parts, { method, path, query, idempotencyKey, body: body.json });
  return "kind" in effect ? effect : carryOut(parts, effect);
}

function route(parts: ApiParts, request: ApiRequest): Effect<Call> | Answer {
  const [, , collection = "", id, verb, ...rest] = request.path.split("/");
  if (rest.length > 0) return problem("not_found", "No such path.");
  if (id === undefined) {
    switch (collection) {
      case "health":
        return only("GET", request, () => health());
      case "balance":
        return only("GET", request, () => balance(parts));
      case "offers":
        return only("GET", request, () => offers(parts, request));
      case "cards":
        return request.method === "POST"
          ? issue(parts, request)
          : only("GET", request, () => find(parts, request), "GET, POST");
      default:
        return problem("not_found", "No such path.");
    }
  }
  if (collection !== "cards") return problem("not_found", "No such path.");
  if (verb === undefined) return only("GET", request, () => card(parts, id));
  if (verb === "activate") return only("POST", request, () => activate(parts, id));
  return problem("not_found", "No such path.");
}

function only(
  method: "GET" | "POST",
  request: ApiRequest,
  effect: () => Effect<Call> | Answer,
  allow: string = method,
): Effect<Call> | Answer {
  if (request.method === method) return effect();
  return problem("method_not_allowed", `This path takes ${allow}.`, { allow });
}

function health(): Effect<Call> {
  return { subject: about("health"), run: () => json(200, { status: "ok" }) };
}

function balance({ issuer }: ApiParts): Effect<Call> {
  return {
    subject: about("balance"),
    run: () => json(200, { currency: "USD", available: formatCents(issuer.balanceCents()) }),
  };
}

function offers(parts: ApiParts, request: ApiRequest): Effect<Call> | Answer {
  const { issuer } = parts;
  const asked = request.query.get("face_value");
  const faceCents = asked === null ? null : offeredFace(issuer, asked);
  if (asked !== null && faceCents === null) return invalidFaceValue(issuer);
  const faceValue = faceCents === null ? null : formatCents(faceCents);
  return {
    subject: { call: "offers", reference: null, item: faceValue },
    run: () => json(200, { offers: [offerJson(issuer, faceCents)] }),
  };
}

function offerJson(issuer: Issuer, faceCents: Cents | null): unknown {
  const { terms } = issuer;
  return {
    id: "prepaid-usd",
    currency: "USD",
    min_face_value: formatCents(terms.minFaceCents),
    max_face_value: formatCents(terms.maxFaceCents),
    cost_percent: formatCents(100_00n - terms.discountBps),
    fee: formatCents(terms.feeCents),
    stock: Math.max(0, issuer.stock()),
    quote:
      faceCents === null
        ? null
        : {
            face_value: formatCents(faceCents),
            cost: formatCents(issuer.costCents(faceCents)),
          },
  };
}

const REFERENCE = /^[A-Za-z0-9_.:-]{1,64}$/;

function issue(parts: ApiParts, request: ApiRequest): Effect<Call> | Answer {
  const { issuer, signal } = parts;
  const body = new Map<string, unknown>(Object.entries(request.body ?? {}));
  const reference = body.get("reference");
  if (typeof reference !== "string" || !REFERENCE.test(reference)) {
    return problem("invalid_request", "reference: a text of 1 to 64 letters, digits, . _ : -");
  }
  if (request.idempotencyKey !== reference) {
    return problem("invalid_request", "Idempotency-Key: must be present and equal the reference.");
  }
  if (body.get("currency") !== "USD") return problem("invalid_request", 'currency: only "USD"');
  const faceCents = offeredFace(issuer, body.get("face_value"));
  if (faceCents === null) return invalidFaceValue(issuer);

  return {
    subject: { call: "issue", reference, item: formatCents(faceCents) },
    waits: "itself",
    run: async (manner) =>
      issuedAnswer(await issuer.issue({ reference, faceCents }, { ...manner, signal })),
  };
}

function issuedAnswer(issued: Issued): Answer {
  if ("card" in issued) return json(issued.kind === "sold" ? 201 : 200, cardJson(issued.card));
  if (issued.kind !== "reference_reused") return problem(issued.kind, "Nothing was sold.");
  return problem(issued.kind, "The first request with this reference stands.");
}

function find(parts: ApiParts, request: ApiRequest): Effect<Call> | Answer {
  const reference = request.query.get("reference");
  if (reference === null || !REFERENCE.test(reference)) {
    return problem(
      "invalid_request",
      "reference: a query member of 1 to 64 letters, digits, . _ : -",
    );
  }
  return {
    subject: { call: "find", reference, item: null },
    run: () =>
      json(200, {
        cards: parts.ledger.byReference(reference).map(cardJson),
        in_progress: parts.issuer.isInProgress(reference),
      }),
  };
}

function card(parts: ApiParts, id: string): Effect<Call> | Answer {
  const found = parts.ledger.byId(id);
  if (found === null) return problem("not_found", "No such card.");
  return {
    subject: aboutCard("card", found),
    run: () => json(200, cardJson(parts.ledger.byId(id) ?? found)),
  };
}

function activate(parts: ApiParts, id: string): Effect<Call> | Answer {
  const found = parts.ledger.byId(id);
  if (found === null) return problem("not_found", "No such card.");
  return {
    subject: aboutCard("activate", found),
    run: () => json(200, cardJson(parts.issuer.activate(found))),
  };
}

function cardJson(sold: Card): unknown {
  return {
    id: sold.id,
    reference: sold.reference,
    status: sold.activatedAtMs === null ? "issued" : "active",
    brand: "TEST",
    number: sold.number,
    cvv: sold.cvv,
    exp_month: sold.expMonth,
    exp_year: sold.expYear,
    currency: sold.currency,
    face_value: sold.faceValue,
    cost: sold.cost,
    created_at: new Date(sold.soldAtMs).toISOString(),
    activated_at: sold.activatedAtMs === null ? null : new Date(sold.activatedAtMs).toISOString(),
  };
}

function about(call: Call): Subject<Call> {
  return { call, reference: null, item: null };
}

function aboutCard(call: Call, sold: Card): Subject<Call> {
  return { call, reference: sold.reference, item: sold.faceValue };
}

function offeredFace(issuer: Issuer, text: unknown): Cents | null {
  const cents = parseCents(text);
  const { minFaceCents, maxFaceCents } = issuer.terms;
  return cents === null || cents < minFaceCents || cents > maxFaceCents ? null : cents;
}

function invalidFaceValue({ terms }: Issuer): Answer {
  const range = `${formatCents(terms.minFaceCents)} to ${formatCents(terms.maxFaceCents)}`;
  return problem("invalid_face_value", `face_value: a decimal text from ${range}.`);
}
