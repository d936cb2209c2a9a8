import { json, problem, type Answer } from "./answer.ts";
import { FaultRuleError, type AnyRule } from "./fault-rule.ts";
import type { Faults } from "./faults.ts";

/** What tests and demos steer over `/__sim`. */
export interface Control<AddedRule extends AnyRule> {
  readonly faults: Faults<AddedRule> & { check(rule: unknown): AddedRule };
  ledger(): readonly unknown[];
  balance(): string;
  calls(): Readonly<Record<string, number>>;
  reset(): void;
}

export interface ControlRequest {
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** Answers one request to the control plane. */
export function answerControl<AddedRule extends AnyRule>(
  control: Control<AddedRule>,
  request: ControlRequest,
): Answer {
  switch (`${request.method} ${request.path}`) {
    case "GET /__sim/ledger":
      return json(200, {
        sold: control.ledger(),
        balance: control.balance(),
        calls: control.calls(),
      });
    case "GET /__sim/faults":
      return json(200, { faults: control.faults.list() });
    case "POST /__sim/faults":
      return addFaults(control, request.body);
    case "DELETE /__sim/faults":
      control.faults.clear();
      return json(200, { faults: [] });
    case "POST /__sim/reset":
      control.reset();
      return json(200, { sold: [] });
    default:
      return problem("not_found", "GET ledger, GET POST DELETE faults, POST reset.");
  }
}

/** One rule or a list of them; all are checked before the first is added. */
function addFaults<AddedRule extends AnyRule>(
  { faults }: Control<AddedRule>,
  body: unknown,
): Answer {
  try {
    const rules = (Array.isArray(body) ? body : [body]).map((rule) => faults.check(rule));
    for (const rule of rules) faults.add(rule);
    return json(201, { faults: faults.list() });
  } catch (error) {
    if (error instanceof FaultRuleError) return problem("invalid_request", error.message);
    throw error;
  }
}
