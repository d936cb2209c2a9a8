import { InvalidOptionError, MissingPeerError, Vend402Error } from "../errors.ts";
import type { EvmAccount } from "./evm.ts";
import { parseAtomic } from "./amount.ts";
import type { PromiseRecord } from "./promise.ts";

/** What Permit2 may take of a token: tokens that know no signed transfers (USDT) are moved by it. */
export interface ApprovalOptions {
  /**
   * What to do when Permit2 may not move enough of the token yet. "never": AllowanceRequiredError says what to approve;
   * "exact": approve this price; "unlimited": approve once for all purchases. Approving costs the account gas.
   * @default "never"
   */
  readonly permit2Approval?: "never" | "exact" | "unlimited" | undefined;
  /** Needed to approve: an RPC server of each network, by CAIP-2 id, or one for the network that is paid on. */
  readonly evmRpcUrl?: string | Readonly<Record<string, string>> | undefined;
}

/** Where Permit2 is on every chain. */
const PERMIT2 = "0x000000000022D473030F116dDEE9F6B43aC78BA3";
const UNLIMITED = 2n ** 256n - 1n;

/** The token's owner must let Permit2 move it once. Nothing was paid; afterwards the same call goes on with the same promise. */
export class AllowanceRequiredError extends Vend402Error {
  override readonly name: string = "AllowanceRequiredError";
  readonly network: string;
  /** The token's contract: call `approve(spender, amount)` of it. */
  readonly token: string;
  readonly spender: string;
  readonly owner: string;
  /** Decimal text: at least so much. */
  readonly amount: string;
  constructor({ network, asset, symbol, payer, amount, orderId }: PromiseRecord, cause?: unknown) {
    super(`Permit2 may not yet move ${symbol} of this account.`, {
      code: "permit2_allowance_required",
      given: { order: orderId, network, token: asset, spender: PERMIT2, owner: payer, amount },
      advice:
        "approve the spender once in the token's contract, or pass permit2Approval and evmRpcUrl; then call again with the same idempotency key or order id.",
      docs: "vend402/README.md#paying-on-evm-chains",
      retryable: true,
      cause,
    });
    this.network = network;
    this.token = asset;
    this.spender = PERMIT2;
    this.owner = payer;
    this.amount = amount;
  }
}

const TOKEN_ABI = [
  {
    type: "function",
    name: "allowance",
    stateMutability: "view",
    inputs: [{ type: "address" }, { type: "address" }],
    outputs: [{ type: "uint256" }],
  },
  {
    type: "function",
    name: "decimals",
    stateMutability: "view",
    inputs: [],
    outputs: [{ type: "uint8" }],
  },
  {
    type: "function",
    name: "approve",
    stateMutability: "nonpayable",
    inputs: [{ type: "address" }, { type: "uint256" }],
    // Tether's returns nothing.
    outputs: [],
  },
] as const;

interface Approving {
  readonly options: ApprovalOptions & { readonly account: EvmAccount };
  readonly signal: AbortSignal;
}

/** Gives the allowance that the promise lacks, if the options say so, and waits until it is on chain. @throws AllowanceRequiredError */
export async function approve(
  record: PromiseRecord,
  { options, signal }: Approving,
): Promise<void> {
  const { permit2Approval = "never" } = options;
  if (permit2Approval === "never") throw new AllowanceRequiredError(record);
  const chain = await openChain(record, options);
  try {
    const decimals = Number(await chain.read("decimals", []));
    const atomic = parseAtomic(record.amount, decimals);
    if (atomic === null) throw new Error("the token's decimals do not fit its price");
    const wanted = permit2Approval === "exact" ? atomic : UNLIMITED;
    const allowed = (await chain.read("allowance", [record.payer, PERMIT2])) as bigint;
    if (allowed >= atomic) return;
    signal.throwIfAborted();
    // Tether's contract lets an allowance be changed only from zero.
    if (allowed > 0n) await chain.approve(0n);
    await chain.approve(wanted);
  } catch (cause) {
    if (signal.aborted) throw signal.reason;
    throw new AllowanceRequiredError(record, cause);
  }
}

interface TokenOnChain {
  read(functionName: "allowance" | "decimals", args: readonly string[]): Promise<unknown>;
  /** Resolves when it is in a block. */
  approve(atomic: bigint): Promise<void>;
}

/** What is used of viem. */
interface Viem {
  http(url: string): unknown;
  createPublicClient(options: object): {
    readContract(call: object): Promise<unknown>;
    waitForTransactionReceipt(query: object): Promise<{ readonly status: string }>;
  };
  createWalletClient(options: object): WalletClient;
}

interface WalletClient {
  writeContract(call: object): Promise<`0x${string}`>;
}

async function openChain(
  { network, asset }: PromiseRecord,
  { account, evmRpcUrl }: Approving["options"],
): Promise<TokenOnChain> {
  const url = typeof evmRpcUrl === "string" ? evmRpcUrl : evmRpcUrl?.[network];
  if (url === undefined)
    throw new InvalidOptionError(
      "permit2Approval needs an RPC server.",
      "pass evmRpcUrl with one for this network.",
      { network },
    );
  const viem = await loadViem();
  const id = Number(network.split(":")[1]);
  const chain = {
    id,
    name: network,
    nativeCurrency: { name: "Coin", symbol: "COIN", decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  };
  const transport = viem.http(url);
  const reader = viem.createPublicClient({ chain, transport });
  const token = { address: asset, abi: TOKEN_ABI };
  const own = "account" in account ? account.account : account;
  const writer =
    "account" in account
      ? (account as unknown as WalletClient)
      : viem.createWalletClient({ account, chain, transport });
  return {
    read: (functionName, args) => reader.readContract({ ...token, functionName, args }),
    async approve(atomic) {
      const args = [PERMIT2, atomic];
      const call = { ...token, account: own, chain, functionName: "approve", args };
      const hash = await writer.writeContract(call);
      const { status } = await reader.waitForTransactionReceipt({ hash });
      if (status !== "success") throw new Error(`the approval ${hash} was reverted`);
    },
  };
}

async function loadViem(): Promise<Viem> {
  try {
    return await import("viem");
  } catch (cause) {
    throw new MissingPeerError("viem", "^2.48.11", cause);
  }
}
