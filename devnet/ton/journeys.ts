import type { Message } from "@ton/core";
import { type Blockchain, type BlockchainTransaction, EmulationError } from "@ton/sandbox";

/** Messages under way, and all that follows from them, block by block. */
export interface Journeys {
  /** Lets a message arrive, and what follows from it in the same block. @throws EmulationError if it is refused */
  begin(message: Message): Promise<BlockchainTransaction[]>;
  /** The same for one that validators drop without a word when it is refused. */
  attempt(message: Message): Promise<BlockchainTransaction[]>;
  /** One more block for all that are under way. */
  proceed(): Promise<BlockchainTransaction[]>;
  /** Messages that were sent and have not arrived. */
  pending(): number;
}

/** A message and all that follows from it, as far as it has not happened yet. */
interface Journey {
  readonly steps: AsyncIterator<BlockchainTransaction>;
  pending: number;
}

export function createJourneys(blockchain: Blockchain, isOneHopPerBlock: boolean): Journeys {
  const hopsPerBlock = isOneHopPerBlock ? 1 : Number.POSITIVE_INFINITY;
  let journeys: Journey[] = [];

  async function travel(journey: Journey): Promise<BlockchainTransaction[]> {
    const happened: BlockchainTransaction[] = [];
    for (let hops = 0; hops < hopsPerBlock && journey.pending > 0; hops += 1) {
      happened.push(...(await hop(journey)));
    }
    return happened;
  }

  async function begin(message: Message): Promise<BlockchainTransaction[]> {
    const steps = await blockchain.sendMessageIter(message, { allowParallel: true });
    const journey = { steps, pending: 1 };
    const happened = await travel(journey);
    if (journey.pending > 0) journeys.push(journey);
    return happened;
  }

  return {
    begin,
    attempt: (message) =>
      begin(message).catch((error: unknown) => {
        if (error instanceof EmulationError) return [];
        throw error;
      }),
    async proceed() {
      const happened: BlockchainTransaction[] = [];
      for (const journey of journeys) happened.push(...(await travel(journey)));
      journeys = journeys.filter(({ pending }) => pending > 0);
      return happened;
    },
    pending: () => journeys.reduce((sum, { pending }) => sum + pending, 0),
  };
}

/** Lets every message arrive that the last hop sent. */
async function hop(journey: Journey): Promise<BlockchainTransaction[]> {
  const arriving = journey.pending;
  journey.pending = 0;
  const happened: BlockchainTransaction[] = [];
  for (let i = 0; i < arriving; i += 1) {
    const step = await journey.steps.next();
    if (step.done === true) return happened;
    happened.push(step.value);
    const sent = step.value.outMessages.values();
    journey.pending += sent.filter(({ info }) => info.type === "internal").length;
  }
  return happened;
}
