/** The three purchases of the demo, each with the published SDK, as an agent would make them. */
import path from "node:path";
import {
  fileJournal,
  keypairSigner,
  OrderFailedError,
  purchaseCard,
  purchaseCardOWS,
  type PurchaseStep,
} from "../../sdk/src/index.ts";
import type { World } from "../../tests/world/world.ts";
import { readStory, type OrderStory } from "./timeline.ts";
import { createOwsWallet } from "./ows-wallet.ts";

export interface DemoShop {
  readonly world: World;
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Of the agent: its wallet and the payments it has signed. */
  readonly folder: string;
  readonly step: (text: string) => void;
}

/** A face value that the simulated supplier always refuses as out of stock. */
const REFUSED_FACE = "13.13";

/** All three at once, in the order in which they are shown. */
export async function buyAll(shop: DemoShop): Promise<readonly OrderStory[]> {
  const { world, baseUrl, apiKey, folder } = shop;
  const { devnet, cast } = world.network;
  const network = {
    passphrase: devnet.passphrase,
    rpcUrl: devnet.url,
    usdcIssuer: cast.issuer.publicKey(),
  };
  const journal = fileJournal(path.join(folder, "payments"));
  const base = { baseUrl, apiKey, network, journal };
  const owsWallet = await createOwsWallet(path.join(folder, "vault"));
  const [xlmPayer, failingPayer] = [
    await world.network.newPayer("1"),
    await world.network.newPayer("50"),
  ];
  return Promise.all([
    follow(shop, { asset: "USDC", wanted: "delivered" }, async (onStep) => {
      const options = { ...base, amountUsdc: "10.00", asset: "usdc", onStep } as const;
      if (owsWallet !== null) {
        await world.network.fundWallet(owsWallet.signer, "50");
        const { wallet, credential, vault } = owsWallet;
        return purchaseCardOWS({ ...options, wallet, credential, vault });
      }
      shop.step("this system has no Open Wallet Standard build; a plain key pair pays instead");
      const payer = await world.network.newPayer("50");
      return purchaseCard({ ...options, signer: keypairSigner(payer.secret()) });
    }),
    follow(shop, { asset: "XLM", wanted: "delivered" }, (onStep) =>
      purchaseCard({
        ...base,
        amountUsdc: "5.00",
        asset: "xlm",
        signer: keypairSigner(xlmPayer.secret()),
        onStep,
      }),
    ),
    follow(shop, { asset: "USDC", wanted: "refunded" }, (onStep) =>
      purchaseCard({
        ...base,
        amountUsdc: REFUSED_FACE,
        asset: "usdc",
        signer: keypairSigner(failingPayer.secret()),
        onStep,
      }),
    ),
  ]);
}

async function follow(
  shop: DemoShop,
  plan: Pick<OrderStory, "asset" | "wanted">,
  buy: (onStep: (step: PurchaseStep) => void) => Promise<unknown>,
): Promise<OrderStory> {
  const steps: { readonly step: PurchaseStep; readonly atMs: number }[] = [];
  const onStep = (step: PurchaseStep): void => {
    steps.push({ step, atMs: Date.now() });
    if (step.step === "delivered" || step.step === "refunded")
      shop.step(`order ${step.orderId}: ${step.step}`);
  };
  try {
    await buy(onStep);
  } catch (error) {
    // The third order is meant to fail; what went wrong otherwise shows in its outcome.
    if (!(error instanceof OrderFailedError)) throw error;
  }
  const [first] = steps;
  if (first === undefined) throw new Error("the purchase made no step");
  return readStory(shop.world, { ...plan, orderId: first.step.orderId, steps });
}
