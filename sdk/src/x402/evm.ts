import { createHash } from "node:crypto";
import { InvalidOptionError } from "../errors.ts";
import type { X402Terms } from "./wire.ts";
import type { X402Asked } from "./answers.ts";
import { approve, type ApprovalOptions } from "./approval.ts";
import { parseAtomic } from "./amount.ts";
import { loadX402, type TypedData, type X402Client } from "./evm-packages.ts";
import { withinLimits, type DollarToken, type Offered, type PayLimits } from "./limits.ts";
import { echoOf, type PromiseSigner, type SignedPromise } from "./promise-payer.ts";

/** Whatever signs typed data for an EVM account: viem's local accounts, a hardware module, a remote signer. */
export interface EvmSigner {
  readonly address: `0x${string}`;
  signTypedData(message: TypedData): Promise<`0x${string}`>;
}

/** A viem `WalletClient` that has an account. */
export interface EvmWalletClient {
  readonly account: { readonly address: `0x${string}` };
  signTypedData(message: never): Promise<`0x${string}`>;
}

export type EvmAccount = EvmSigner | EvmWalletClient;

export interface EvmOptions extends PayLimits, ApprovalOptions {
  /** A viem account, or a wallet client that has one. */
  readonly account: EvmAccount;
  /** Dollar tokens that the shop may ask for beside the well-known ones. */
  readonly tokens?: readonly DollarToken[] | undefined;
}

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;

/** USDT where shops are paid in it; the x402 packages know no USDT. */
const TETHER: readonly DollarToken[] = [
  ["eip155:1", "0xdac17f958d2ee523a2206206994597c13d831ec7"],
  ["eip155:10", "0x94b008aa00579c1307b0ef2c499ad98a8ce58e58"],
  ["eip155:137", "0xc2132d05d31c914a87c6611c10748aeb04b58e8f"],
  ["eip155:42161", "0xfd086bc7cd5c481dcc9c85ebe478a1c0b69fcbb9"],
  ["eip155:43114", "0x9702230a8ea53601f5cd2dc00fdbc13d4df4a8c7"],
].map(([network = "", address = ""]) => ({ network, address, symbol: "USDT", decimals: 6 }));

/** Pays on EVM chains with the stock client of x402: no gas is needed, the shop's facilitator brings the payment on chain. */
export function createEvmSigner(options: EvmOptions): PromiseSigner {
  const signer = signerOf(options.account);
  if (!ADDRESS.test(signer.address))
    throw new InvalidOptionError(
      "account.address is not an EVM address.",
      "pass a viem account, such as privateKeyToAccount(key).",
    );
  const ways = async (asked: X402Asked) => {
    const { findToken } = await tokensOf(options.tokens);
    const payable = asked.terms.accepts.filter(isPayable).toSorted(signedTransfersFirst);
    const offered = payable.map(({ network, asset, amount }): Offered => ({
      network,
      asset,
      atomic: BigInt(amount),
      token: findToken(network, asset),
    }));
    return withinLimits("evm", offered, options);
  };
  return {
    kind: "evm",
    ways,
    sign: (asked, terms) => sign(asked, terms, { signer, options }),
    allow: (record, signal) => approve(record, { options, signal }),
  };
}

function signerOf(account: EvmAccount): EvmSigner {
  if (!("account" in account)) return account;
  const { account: own } = account;
  return {
    address: own.address,
    // A wallet client signs for the account that it is told.
    signTypedData: (message) => account.signTypedData({ account: own, ...message } as never),
  };
}

function methodOf({ extra }: X402Terms): unknown {
  return extra["assetTransferMethod"] ?? "eip3009";
}

function isPayable(terms: X402Terms): boolean {
  const method = methodOf(terms);
  return (
    terms.scheme === "exact" &&
    terms.network.startsWith("eip155:") &&
    ADDRESS.test(terms.asset) &&
    ADDRESS.test(terms.payTo) &&
    (method === "eip3009" || method === "permit2")
  );
}

/** Permit2 may need an approval, and with it gas. */
function signedTransfersFirst(a: X402Terms, b: X402Terms): number {
  return Number(methodOf(a) === "permit2") - Number(methodOf(b) === "permit2");
}

async function tokensOf(own: readonly DollarToken[] = []): Promise<{
  readonly findToken: (network: string, address: string) => Offered["token"];
}> {
  const { findDefaultAsset } = await loadX402();
  const listed = [...own, ...TETHER];
  return {
    findToken: (network, address) =>
      listed.find(
        (each) => each.network === network && each.address.toLowerCase() === address.toLowerCase(),
      ) ??
      findDefaultAsset(address, network) ??
      null,
  };
}

async function sign(
  asked: X402Asked,
  terms: X402Terms,
  { signer, options }: { readonly signer: EvmSigner; readonly options: EvmOptions },
): Promise<SignedPromise> {
  const { createClient } = await loadX402();
  const { findToken } = await tokensOf(options.tokens);
  const { network, asset } = terms;
  const nonce = nonceOf(asked.orderId, terms);
  const client = createClient(withNonce(signer, nonce), network);
  limit(client, terms, {
    maxUsd: options.maxUsd,
    decimals: findToken(network, asset)?.decimals ?? 0,
  });
  const { resource, extensions } = echoOf(asked, terms);
  const required = { x402Version: 2, error: "", resource, accepts: [terms], extensions } as const;
  const created = await client.createPaymentPayload(required);
  const payload = replaceNonce(created.payload, nonce);
  const message = { ...created, payload };
  return { payer: signer.address, id: nonce, validUntilMs: endOf(payload) * 1000, message };
}

/**
 * A stock x402 client refuses more than one dollar and every token outside its own table, and throws before it signs. The
 * caller's limit takes the place of both defaults: nothing above `maxUsd`, and no token but the one that was chosen.
 */
function limit(
  client: X402Client,
  { network, asset }: X402Terms,
  { maxUsd, decimals }: { readonly maxUsd: string; readonly decimals: number },
): void {
  const maxAmountPerPayment = (parseAtomic(maxUsd, decimals) ?? 0n).toString();
  client.setSpendControls({
    maxAmountPerPayment: `$${maxUsd}`,
    allowedAssets: [{ network, asset, maxAmountPerPayment }],
  });
}

/**
 * The nonce of every promise for this order in this token. The stock client takes a random one; a fixed one makes the chain
 * itself refuse a second payment of the order by this wallet, also when the journal is lost and two machines sign.
 */
function nonceOf(orderId: string, { network, asset, payTo }: X402Terms): `0x${string}` {
  const what = JSON.stringify([
    "vend402 promise",
    network,
    asset.toLowerCase(),
    payTo.toLowerCase(),
    orderId,
  ]);
  return `0x${createHash("sha256").update(what).digest("hex")}`;
}

const PROMISE_TYPES = new Set(["TransferWithAuthorization", "PermitWitnessTransferFrom"]);

function withNonce(signer: EvmSigner, nonce: `0x${string}`): EvmSigner {
  return {
    address: signer.address,
    signTypedData: (typed) => {
      if (!PROMISE_TYPES.has(typed.primaryType))
        throw new InvalidOptionError(
          "The x402 client asks for a signature that is not a payment.",
          "use version 2.27 of @x402/evm.",
          { type: typed.primaryType },
        );
      const own = typeof typed.message["nonce"] === "bigint" ? BigInt(nonce) : nonce;
      return signer.signTypedData({ ...typed, message: { ...typed.message, nonce: own } });
    },
  };
}

type Members = Readonly<Record<string, unknown>>;

/** The nonce that was signed in place of the one that the stock client made up. */
function replaceNonce(payload: Members, nonce: `0x${string}`): Members {
  const { authorization, permit2Authorization } = payload as Record<string, Members | undefined>;
  if (authorization !== undefined)
    return { ...payload, authorization: { ...authorization, nonce } };
  const number = BigInt(nonce).toString();
  return { ...payload, permit2Authorization: { ...permit2Authorization, nonce: number } };
}

/** Unix seconds. */
function endOf(payload: Members): number {
  const { authorization, permit2Authorization } = payload as Record<string, Members | undefined>;
  return Number(authorization?.["validBefore"] ?? permit2Authorization?.["deadline"] ?? 0);
}
