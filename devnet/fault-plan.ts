export interface FaultRule<Fault> {
  readonly fault: Fault;
  /** Only requests of this method; null for every request. */
  readonly method: string | null;
  /** Infinity: until the plan is cleared. */
  readonly times: number;
}

/** Faults that wait for their request, first planned first. Each request suffers at most one. */
export interface FaultPlan<Fault> {
  /** @default times 1 */
  plan(fault: Fault, options?: { readonly method?: string; readonly times?: number }): void;
  /** The fault of this request, which is then spent; null if it goes well. */
  take(method: string): Fault | null;
  planned(): readonly FaultRule<Fault>[];
  clear(): void;
}

/** `methodOf` names the one method that a kind of fault can befall, where there is only one. */
export function createFaultPlan<Fault extends { readonly kind: string }>(
  methodOf: Readonly<Partial<Record<Fault["kind"], string>>>,
): FaultPlan<Fault> {
  let rules: FaultRule<Fault>[] = [];
  return {
    plan(fault, { method, times = 1 } = {}) {
      const kind: Fault["kind"] = fault.kind;
      rules.push({ fault, method: methodOf[kind] ?? method ?? null, times });
    },
    take(method) {
      const index = rules.findIndex((rule) => rule.method === null || rule.method === method);
      const rule = rules[index];
      if (!rule) return null;
      if (rule.times > 1) rules[index] = { ...rule, times: rule.times - 1 };
      else rules = rules.filter((other) => other !== rule);
      return rule.fault;
    },
    planned: () => rules,
    clear() {
      rules = [];
    },
  };
}
