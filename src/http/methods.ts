/** Which methods a path takes, for answering 405 instead of 404. */
export interface Methods {
  /** `pattern` as routes have it: "/v1/orders/:id". */
  add(method: string | readonly string[], pattern: string): void;
  /** Methods of the patterns that match the path of a URL; empty when nothing is there. */
  of(url: string): readonly string[];
}

export function createMethods(): Methods {
  const routes: { readonly parts: readonly string[]; readonly methods: Set<string> }[] = [];
  return {
    add: (method, pattern) => {
      const methods = new Set(typeof method === "string" ? [method] : method);
      routes.push({ parts: pattern.split("/"), methods });
    },
    of: (url) => {
      const [path = ""] = url.split(/[?#]/, 1);
      const parts = path.split("/");
      const matching = routes.filter((route) => matches(route.parts, parts));
      return Array.from(new Set(matching.flatMap((route) => Array.from(route.methods)))).toSorted();
    },
  };
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  return (
    pattern.length === parts.length &&
    pattern.every((part, i) => (part.startsWith(":") ? parts[i] !== "" : part === parts[i]))
  );
}
