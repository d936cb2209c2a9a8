/** Makes one purchase and writes down what the agent saw of it. */
import { OrderFailedError } from "../../sdk/src/index.ts";
import type { EveryRail } from "../../tests/world/every-rail.ts";
import { readStory, type AgentStep, type OrderStory, type StoryPlan } from "./timeline.ts";

export interface DemoShop extends Pick<EveryRail, "world" | "evm" | "ton"> {
  readonly url: string;
  readonly apiKey: string;
  /** Of the agent: its wallet and the payments it has signed. */
  readonly folder: string;
  readonly step: (text: string) => void;
}

/** A step as either kind of purchase tells it. */
type Told = Pick<AgentStep, "step" | "orderId" | "payment">;

export async function follow(
  shop: DemoShop,
  plan: StoryPlan,
  buy: (onStep: (step: Told) => void) => Promise<unknown>,
): Promise<OrderStory> {
  const steps: AgentStep[] = [];
  const onStep = ({ step, orderId, payment }: Told): void => {
    steps.push({ step, orderId, payment, atMs: Date.now() });
    if (step === "delivered" || step === "refunded") shop.step(`order ${orderId}: ${step}`);
  };
  try {
    await buy(onStep);
  } catch (error) {
    // Some orders are meant to fail; what went wrong otherwise shows in their outcome.
    if (!(error instanceof OrderFailedError)) throw error;
  }
  const [first] = steps;
  if (first === undefined) throw new Error("the purchase made no step");
  return readStory(shop.world, { ...plan, orderId: first.orderId, steps });
}
