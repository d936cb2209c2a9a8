import type { Clock } from "./clock.ts";
import { json, problem, spoil, type Answer } from "./answer.ts";
import { formatCents, parseCents, type Cents } from "./decimal.ts";
import type { Call } from "./fault-rule.ts";
import type { FaultScript, Subject } from "./faults.ts";
import type { Issued, Issuer } from "./issuer.ts";
import type { Card, Ledger } from "./ledger.ts";

/** One request to `/v1`, its body parsed and its API key checked. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly idempotencyKey: string | null;
  /** Undefined when there was no body. */
  readonly body: unknown;
}

/** Milliseconds that the next call of this kind about this reference ("" for none) takes. */
export type LatencyMs = (call: Call, about: string) => number;

export interface ApiParts {
  readonly issuer: Issuer;
  readonly ledger: Ledger;
  readonly faults: FaultScript;
  readonly clock: Clock;
  readonly latencyMs: LatencyMs;
  /** Aborts when the supplier is switched off or reset: calls in progress end without an answer. */
  readonly signal: AbortSignal;
  /** How often each call has arrived; counted here. */
  readonly counts: Record<Call, number>;
}

/** One endpoint's work, given the time it has to take and whether references count. */
interface Effect {
  readonly subject: Subject;
  /** True when the effect waits by itself (a sale goes on without its client). */
  readonly waitsItself?: boolean;
  run(manner: {
    readonly takesMs: number;
    readonly ignoresReference: boolean;
  }): Answer | Promise<Answer>;
}

/** Answers one request to the API. */
export async function answerApi(parts: ApiParts, request: ApiRequest): Promise<Answer> {
  const effect = route(parts, request);
  if ("kind" in effect) return effect;
  const { subject } = effect;
  parts.counts[subject.call] += 1;

  const { spoiling, extraDelayMs, ignoresReference } = parts.faults.strike(subject);
  if (spoiling !== null && spoiling.when !== "after") return spoil(spoiling, null);

  const takesMs = parts.latencyMs(subject.call, subject.reference ?? "") + extraDelayMs;
  if (effect.waitsItself !== true) await parts.clock.sleep(takesMs, parts.signal);
  parts.signal.throwIfAborted();
  const normal = await effect.run({ takesMs, ignoresReference });
  return spoiling === null ? normal : spoil(spoiling, normal);
}

function route(parts: ApiParts, request: ApiRequest): Effect | Answer {
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
  effect: () => Effect | Answer,
  allow: string = method,
): Effect | Answer {
  if (request.method === method) return effect();
  return problem("method_not_allowed", `This path takes ${allow}.`, { allow });
}

function health(): Effect {
  return { subject: about("health"), run: () => json(200, { status: "ok" }) };
}

function balance({ issuer }: ApiParts): Effect {
  return {
    subject: about("balance"),
    run: () => json(200, { currency: "USD", available: formatCents(issuer.balanceCents()) }),
  };
}

function offers(parts: ApiParts, request: ApiRequest): Effect | Answer {
  const { issuer } = parts;
  const asked = request.query.get("face_value");
  const faceCents = asked === null ? null : offeredFace(issuer, asked);
  if (asked !== null && faceCents === null) return invalidFaceValue(issuer);
  const faceValue = faceCents === null ? null : formatCents(faceCents);
  return {
    subject: { call: "offers", reference: null, faceValue },
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

function issue(parts: ApiParts, request: ApiRequest): Effect | Answer {
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
    subject: { call: "issue", reference, faceValue: formatCents(faceCents) },
    waitsItself: true,
    run: async (manner) =>
      issuedAnswer(await issuer.issue({ reference, faceCents }, { ...manner, signal })),
  };
}

function issuedAnswer(issued: Issued): Answer {
  if ("card" in issued) return json(issued.kind === "sold" ? 201 : 200, cardJson(issued.card));
  if (issued.kind !== "reference_reused") return problem(issued.kind, "Nothing was sold.");
  return problem(issued.kind, "The first request with this reference stands.");
}

function find(parts: ApiParts, request: ApiRequest): Effect | Answer {
  const reference = request.query.get("reference");
  if (reference === null || !REFERENCE.test(reference)) {
    return problem(
      "invalid_request",
      "reference: a query member of 1 to 64 letters, digits, . _ : -",
    );
  }
  return {
    subject: { call: "find", reference, faceValue: null },
    run: () =>
      json(200, {
        cards: parts.ledger.byReference(reference).map(cardJson),
        in_progress: parts.issuer.isInProgress(reference),
      }),
  };
}

function card(parts: ApiParts, id: string): Effect | Answer {
  const found = parts.ledger.byId(id);
  if (found === null) return problem("not_found", "No such card.");
  return {
    subject: aboutCard("card", found),
    run: () => json(200, cardJson(parts.ledger.byId(id) ?? found)),
  };
}

function activate(parts: ApiParts, id: string): Effect | Answer {
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

function about(call: Call): Subject {
  return { call, reference: null, faceValue: null };
}

function aboutCard(call: Call, sold: Card): Subject {
  return { call, reference: sold.reference, faceValue: sold.faceValue };
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
