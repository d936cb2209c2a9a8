/** The pages of docs/ that are made from code, so that they cannot drift from it. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { REFUSALS } from "../src/errors.ts";
import { isFinal, TRANSITIONS, type OrderState } from "../src/orders/lifecycle.ts";
import { wordsOf } from "../src/orders/view.ts";
import { root } from "./steps.ts";

/** Every generated page: its path from the root, and its whole text. */
export function generatePages(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/lifecycle.md", lifecyclePage()],
    ["docs/errors.md", errorsPage()],
  ]);
}

/** A page's source is named in its first line, so that nobody edits the page. */
function madeFrom(source: string): string {
  return `<!-- Made from ${source} by \`npm run docs\`. Do not edit. -->`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

const LIFECYCLE_SOURCE = "src/orders/lifecycle.ts";

/** The members of a union of that file, each with the comment beside it ("" without one). */
function membersOf(union: string): readonly { readonly name: string; readonly meaning: string }[] {
  const source = readFileSync(path.join(root, LIFECYCLE_SOURCE), "utf8");
  const [, body = ""] = source.split(`export type ${union} =\n`);
  const [members = ""] = body.split(/^(?! {2}\|)/m);
  return [...members.matchAll(/^ {2}\| "(\w+)";?(?: \/\/ (.*))?$/gm)].map(
    ([, name = "", meaning = ""]) => ({ name, meaning }),
  );
}

function lifecyclePage(): string {
  const arrows = TRANSITIONS.map(([from, event, to]) => `  ${from} --> ${to}: ${event}`);
  const ends = [...new Set(TRANSITIONS.map(([, , to]) => to))].filter((state) => isFinal(state));
  const states = membersOf("OrderState").map(({ name, meaning }) => {
    const state = name as OrderState;
    const [status, phase] = wordsOf({ state, stage: null });
    return [`\`${name}\``, meaning, `\`${status}\``, `\`${phase}\``];
  });
  const events = membersOf("OrderEvent")
    .filter(({ meaning }) => meaning !== "")
    .map(({ name, meaning }) => [`\`${name}\``, meaning]);
  const rows = TRANSITIONS.map(([from, event, to, job]) => [
    `\`${from}\``,
    `\`${event}\``,
    `\`${to}\``,
    job === null ? "" : `\`${job}\``,
  ]);
  return `${madeFrom(LIFECYCLE_SOURCE)}

# The life of an order

One table says which state follows which, and one function (\`src/actions/advance-order.ts\`) writes
states. An event that has no row in the present state changes nothing: every event may arrive twice.

\`\`\`mermaid
stateDiagram-v2
  [*] --> awaiting_approval
  [*] --> awaiting_payment
${arrows.join("\n")}
${ends.map((state) => `  ${state} --> [*]`).join("\n")}
\`\`\`

## States

\`status\` and \`phase\` are what the cards API shows. A fulfilment past its first stage shows the status
\`stage1_done\`.

${table(["State", "Meaning", "Status", "Phase"], states)}

## Events

Those whose name does not say everything:

${table(["Event", "Meaning"], events)}

## Transitions

The job is written in the transaction that writes the state.

${table(["From", "Event", "To", "Job"], rows)}
`;
}

function errorsPage(): string {
  const rows = Object.entries(REFUSALS).map(([code, row]) => [
    `<a id="${code}"></a>\`${code}\``,
    String(row.status),
    row.retryable ? "yes" : "no",
    row.title,
  ]);
  return `${madeFrom("src/errors.ts")}

# Refusals

What the API answers when it will not do what was asked. Branch on \`code\` and \`retryable\`, never on
\`message\` or \`detail\`. A code is never reused or renamed.

\`\`\`json
{
  "error": "invalid_amount", "message": "…",
  "type": "…", "title": "…", "status": 400, "detail": "…",
  "code": "invalid_amount", "retryable": false, "request_id": "…", "docs": "…"
}
\`\`\`

\`error\` and \`message\` are what v1 clients read; the other members are those of RFC 9457 and ours.
\`retry_after_s\` comes with a refusal that ends by itself; some codes carry facts of their own (\`limit\`
and \`spent\` with \`spend_limit_exceeded\`). *Retryable* means that the same request, unchanged, may
succeed later.

${table(["Code", "Status", "Retryable", "Title"], rows)}
`;
}
