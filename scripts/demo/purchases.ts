/** The purchases of the demo, each with the published SDK, as an agent would make them. */
import path from "node:path";
import { fileJournal, keypairSigner, purchaseCard, purchaseCardOWS } from "../../sdk/src/index.ts";
import { buyEsims } from "./esims.ts";
import { follow, type DemoShop } from "./follow.ts";
import { createOwsWallet } from "./ows-wallet.ts";
import type { OrderStory, StoryPlan } from "./timeline.ts";

/** A face value that the simulated supplier always refuses as out of stock. */
const REFUSED_FACE = "13.13";

/** All three at once, in the order in which they are shown. */
export async function buyAll(shop: DemoShop): Promise<readonly OrderStory[]> {
  const { world, apiKey, folder } = shop;
  const baseUrl = `${shop.url}/v1`;
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
    follow(shop, card("USDC", "a card paid in USDC", "delivered"), async (onStep) => {
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
    follow(shop, card("XLM", "a card paid in XLM", "delivered"), (onStep) =>
      purchaseCard({
        ...base,
        amountUsdc: "5.00",
        asset: "xlm",
        signer: keypairSigner(xlmPayer.secret()),
        onStep,
      }),
    ),
    follow(shop, card("USDC", "a card that the supplier refuses", "refunded"), (onStep) =>
      purchaseCard({
        ...base,
        amountUsdc: REFUSED_FACE,
        asset: "usdc",
        signer: keypairSigner(failingPayer.secret()),
        onStep,
      }),
    ),
    ...buyEsims(shop),
  ]);
}

function card(asset: StoryPlan["asset"], about: string, wanted: StoryPlan["wanted"]): StoryPlan {
  return { product: "prepaid-card", rail: "stellar-contract", asset, about, wanted };
}
