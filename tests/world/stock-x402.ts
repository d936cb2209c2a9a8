/** Buyers that use the published x402 clients, unmodified. */
import { x402Client, x402HTTPClient } from "@x402/core/client";
import { ExactEvmScheme } from "@x402/evm";
import { wrapFetchWithPayment } from "@x402/fetch";
import { createWalletClient, http, maxUint256, parseAbi, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { wrapFetchWithPayment as wrapFetchV1 } from "x402-fetch";
import { walletOf } from "../../devnet/evm/test-clients.ts";
import type { Address, EvmDevnet } from "../../devnet/evm/index.ts";
import type { EvmBuyer } from "./evm-world.ts";

export type Fetch = typeof fetch;

/** Where and with what a stock client pays. */
export interface StockOptions {
  readonly chain: EvmDevnet;
  readonly buyer: EvmBuyer;
  /** The token to pay with. @default USDC */
  readonly token?: Address;
}

/** The stock client refuses more than a dollar and tokens outside its own table, unless it is told otherwise. */
function stockClient({ chain, buyer, token = chain.usdc }: StockOptions): x402Client {
  const network = `eip155:${chain.chainId}` as const;
  const isWanted = ({ asset }: { asset: string }): boolean =>
    asset.toLowerCase() === token.toLowerCase();
  const client = new x402Client((_version, accepts) => {
    const chosen = accepts.find(isWanted);
    if (chosen === undefined) throw new Error("the shop does not take this token");
    return chosen;
  });
  const account = privateKeyToAccount(buyer.key);
  client.register(network, new ExactEvmScheme(account));
  return client.setSpendControls({
    maxAmountPerPayment: "$60",
    allowedAssets: [{ network, asset: token, maxAmountPerPayment: "60000000" }],
  });
}

/** `fetch` of `@x402/fetch` (version 2): it pays when it is asked to. */
export function stockFetchV2(options: StockOptions): Fetch {
  return wrapFetchWithPayment(fetch, stockClient(options)) as Fetch;
}

/** `fetch` of the legacy `x402-fetch` (version 1); it knows USDC only. */
export function stockFetchV1({ chain, buyer }: StockOptions): Fetch {
  const wallet = createWalletClient({
    account: privateKeyToAccount(buyer.key),
    chain: walletOf(chain, 0).chain,
    transport: http(chain.url),
  }).extend(publicActions);
  return wrapFetchV1(fetch, wallet, 60_000_000n) as Fetch;
}

/** Signs what a 402 asks for, with the stock client, and gives the header instead of sending it. */
export async function signPayment(
  options: StockOptions,
  answer: Response,
): Promise<Readonly<Record<string, string>>> {
  const client = new x402HTTPClient(stockClient(options));
  const required = client.getPaymentRequiredResponse((name) => answer.headers.get(name));
  return client.encodePaymentSignatureHeader(await client.createPaymentPayload(required));
}

/** What a payer does once before paying with Permit2. */
export async function approvePermit2({
  chain,
  buyer,
  token = chain.usdt,
}: StockOptions): Promise<void> {
  const wallet = createWalletClient({
    account: privateKeyToAccount(buyer.key),
    chain: walletOf(chain, 0).chain,
    transport: http(chain.url),
    pollingInterval: 50,
  }).extend(publicActions);
  const hash = await wallet.writeContract({
    address: token,
    abi: parseAbi(["function approve(address spender, uint256 amount)"]),
    functionName: "approve",
    args: [chain.permit2, maxUint256],
  });
  await wallet.waitForTransactionReceipt({ hash });
}
