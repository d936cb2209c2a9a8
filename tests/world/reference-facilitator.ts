/** The facilitator of the reference packages, unmodified, wired as their documentation has it. */
import { x402Facilitator } from "@x402/core/facilitator";
import { toFacilitatorEvmSigner } from "@x402/evm";
import { ExactEvmScheme } from "@x402/evm/exact/facilitator";
import { createWalletClient, defineChain, http, publicActions } from "viem";
import { nonceManager, privateKeyToAccount } from "viem/accounts";
import type { EvmDevnet, Hex } from "../../devnet/evm/index.ts";

const CONFIRMATION_TIMEOUT_MS = 20_000;

/** @param key Pays the gas of what it settles. */
export function referenceFacilitator(
  { chainId, url }: Pick<EvmDevnet, "chainId" | "url">,
  key: Hex,
): x402Facilitator {
  const chain = defineChain({
    id: chainId,
    name: "local",
    nativeCurrency: { name: "POL", symbol: "POL", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  });
  const account = privateKeyToAccount(key, { nonceManager });
  const client = createWalletClient({
    account,
    chain,
    transport: http(url, { retryCount: 0 }),
    pollingInterval: 50,
  }).extend(publicActions);
  const signer = toFacilitatorEvmSigner(
    {
      address: account.address,
      readContract: (call) => client.readContract({ ...call, args: call.args ?? [] }),
      verifyTypedData: (typed) => client.verifyTypedData(typed as never),
      writeContract: (call) => client.writeContract(call),
      sendTransaction: (call) => client.sendTransaction(call),
      waitForTransactionReceipt: (wanted) => client.waitForTransactionReceipt(wanted),
      getCode: (of) => client.getCode(of),
    },
    { confirmationTimeoutMs: CONFIRMATION_TIMEOUT_MS },
  );
  return new x402Facilitator().register(`eip155:${chainId}`, new ExactEvmScheme(signer));
}
