import type { Shop } from "../client.ts";
import type { PaymentJournal } from "../journal.ts";
import type { NetworkOption } from "../pay/network.ts";
import type { Runtime } from "../runtime.ts";
import type { Signer } from "../signer.ts";
import type { Fetch } from "../http.ts";
import type { ApprovalOptions } from "./approval.ts";
import { createEvmSigner, type EvmAccount } from "./evm.ts";
import { checkMaxUsd } from "./amount.ts";
import type { DollarToken, PayLimits } from "./limits.ts";
import type { Payer } from "./payer.ts";
import { createPromisePayer } from "./promise-payer.ts";
import { createStellarWay } from "./stellar.ts";
import { createTonSigner, type TonWallet } from "./ton.ts";

/** What to pay with, and how much at most. With several wallets the first that can pay does: account, ton, stellar. */
export interface PayOptions extends PayLimits, ApprovalOptions {
  /** Pays on EVM chains: a viem account, or a wallet client that has one. Needs no gas. */
  readonly account?: EvmAccount | undefined;
  /** Pays on TON: a wallet v5, which needs no TON. */
  readonly ton?: TonWallet | undefined;
  /** Dollar tokens that the shop may ask for beside the well-known ones. */
  readonly tokens?: readonly DollarToken[] | undefined;
  /** Pays the shop's contract on Stellar. */
  readonly stellar?: Signer | undefined;
  /** @default "pubnet" */
  readonly stellarNetwork?: NetworkOption | undefined;
  /** The most to pay in XLM; without it only USDC is paid on Stellar, since dollars do not limit XLM. */
  readonly maxXlm?: string | undefined;
}

interface PayerDeps {
  readonly shop: Shop;
  readonly journal: PaymentJournal;
  readonly runtime: Runtime;
}

/** The wallets of the options. @throws InvalidOptionError */
export function createPayers(
  options: PayOptions & {
    readonly fetch?: Fetch | undefined;
    readonly allowInsecureHttp?: boolean | undefined;
  },
  deps: PayerDeps,
): readonly Payer[] {
  const { account, stellar, stellarNetwork, maxXlm, ton } = options;
  const { maxUsd, network, asset } = options;
  checkMaxUsd(maxUsd);
  const payers: Payer[] = [];
  if (account !== undefined)
    payers.push(createPromisePayer(createEvmSigner({ ...options, account }), deps));
  if (ton !== undefined) {
    const { tokens, allowInsecureHttp } = options;
    const signer = createTonSigner(
      { maxUsd, network, asset, tokens, allowInsecureHttp, wallet: ton },
      deps.runtime,
    );
    payers.push(createPromisePayer(signer, deps));
  }
  if (stellar !== undefined) {
    const limits = { maxUsd, network, asset };
    const { journal, runtime } = deps;
    payers.push(
      createStellarWay(
        { ...limits, signer: stellar, stellarNetwork, maxXlm },
        { journal, runtime, fetch: options.fetch },
      ),
    );
  }
  return payers;
}
