import {
  type Address,
  encodeFunctionData,
  erc20Abi,
  getAddress,
  type Hex,
  hexToBigInt,
  isAddress,
  keccak256,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { formatDecimal } from "../../money.ts";
import { done, failed, type Failed, type Outcome } from "../../outcome.ts";
import { type Bid, bidFor, type Market, readMarket } from "./fees.ts";
import type { Token } from "./networks.ts";
import { nonceOf, type PayoutOrder, type Purse, type SignedTransfer, writeBody } from "./payout.ts";

/** Signs a transfer out of the treasury; sends nothing. `failed` for good: the payee cannot receive it. */
export async function signTransfer(
  purse: Purse,
  payout: PayoutOrder,
): Promise<Outcome<SignedTransfer>> {
  const { config } = purse;
  const token = config.tokens.find(({ asset }) => asset.id === payout.amount.asset.id);
  if (token === undefined)
    return failed(`${payout.amount.asset.id} is not an asset of this rail`, "final");
  if (payout.amount.atomic <= 0n) return failed("the amount is not positive", "final");
  const nonce = nonceOf(config, payout.lane);
  if (nonce === null) return failed(`${payout.lane} is not a lane of this rail`, "final");
  const payee = payeeOf(payout.to, [token.address, config.treasury]);
  if (payee === null) return failed("the payee is not an address that can be paid", "final");

  const state = await readState(purse, token);
  // A token that answers nobody has trouble of its own: the payee is not to blame.
  if (state.kind !== "done") return failed(state.reason, "retry");
  if (state.value.nonce > nonce) return failed(`nonce ${nonce} has been used`, "retry");
  const short = shortfall(state.value.held, payout);
  if (short !== null) return short;
  const transfer = { token, payee, atomic: payout.amount.atomic };
  const gas = await tryTransfer(purse, transfer);
  if (gas.kind !== "done") return gas;
  const bid = affordable(purse, { ...state.value, gas: gas.value });
  if ("kind" in bid) return bid;
  const raw = await sealed(purse, {
    ...bid,
    to: token.address,
    data: calldata(transfer),
    nonce,
    gas: gas.value,
  });
  const { number: height } = state.value.market.head;
  return done({
    txId: keccak256(raw),
    body: writeBody({ raw, earlier: [], bidAtHeight: height }),
    lane: payout.lane,
    validUntilMs: null,
    signedAtHeight: height,
  });
}

/** Null for what is no address, has a wrong checksum, or would burn the money. */
function payeeOf(text: string, forbidden: readonly Address[]): Address | null {
  if (!isAddress(text) || BigInt(text) === 0n) return null;
  const address = getAddress(text);
  return forbidden.includes(address) ? null : address;
}

interface TreasuryState {
  readonly market: Market;
  /** The next one that the chain takes. */
  readonly nonce: number;
  readonly coinWei: bigint;
  /** Base units of the token. */
  readonly held: bigint;
}

function readState({ client, config }: Purse, { address }: Token): Promise<Outcome<TreasuryState>> {
  const { treasury } = config;
  return client.read(async (server) => {
    const [market, nonce, coinWei, held] = await Promise.all([
      readMarket(server, config.network),
      server.getTransactionCount({ address: treasury, blockTag: "latest" }),
      server.getBalance({ address: treasury, blockTag: "latest" }),
      server.readContract({ address, abi: erc20Abi, functionName: "balanceOf", args: [treasury] }),
    ]);
    return { market, nonce, coinWei, held };
  });
}

function shortfall(heldAtomic: bigint, { amount }: PayoutOrder): Failed | null {
  if (heldAtomic >= amount.atomic) return null;
  const { decimals, symbol } = amount.asset;
  const text = (atomic: bigint): string => `${formatDecimal(atomic, decimals, 2)} ${symbol}`;
  return failed(`the treasury can send ${text(heldAtomic)} of ${text(amount.atomic)}`, "retry");
}

interface TokenTransfer {
  readonly token: Token;
  readonly payee: Address;
  readonly atomic: bigint;
}

function calldata({ payee, atomic }: TokenTransfer): Hex {
  return encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args: [payee, atomic] });
}

/** The gas it takes. `failed` for good when this payee is what the token turns down. */
async function tryTransfer(purse: Purse, transfer: TokenTransfer): Promise<Outcome<bigint>> {
  const { token, atomic } = transfer;
  const { treasury } = purse.config;
  const tried = await simulate(purse, transfer);
  if (tried.kind !== "failed" || tried.retryable) return tried;
  // The treasury as its own payee shows whose fault it is: a pause or a frozen treasury ends some day.
  const control = await simulate(purse, { token, payee: treasury, atomic });
  if (control.kind === "done")
    return failed(`the payee cannot receive it: ${tried.reason}`, "final");
  return failed(`${token.asset.symbol} lets the treasury send nothing: ${tried.reason}`, "retry");
}

/** Something may have changed when it lands. */
const GAS_MARGIN_PERCENT = 150n;

async function simulate(
  { client, config }: Purse,
  transfer: TokenTransfer,
): Promise<Outcome<bigint>> {
  const call = { from: config.treasury, to: transfer.token.address, data: calldata(transfer) };
  const ran = await client.read((server) =>
    Promise.all([
      server.request({ method: "eth_call", params: [call, "latest"] }),
      server.request({ method: "eth_estimateGas", params: [call] }),
    ]),
  );
  if (ran.kind !== "done") return ran;
  const [answer, gas] = ran.value;
  // Tether's first contract answers nothing where the standard says true.
  if (answer !== "0x" && hexToBigInt(answer) !== 1n) return failed("the token answers no", "final");
  return done((hexToBigInt(gas) * GAS_MARGIN_PERCENT) / 100n);
}

function affordable(
  { config }: Purse,
  { market, coinWei, gas }: TreasuryState & { readonly gas: bigint },
): Bid | Failed {
  const { maxFeeWei, network } = config;
  const bid = bidFor(market, maxFeeWei);
  const gwei = (wei: bigint): string => formatDecimal(wei, 9);
  if (bid === null) {
    const asked = gwei(market.head.baseFeeWei + market.tipWei);
    return failed(
      `gas costs ${asked} gwei, more than the ${gwei(maxFeeWei)} of MAX_FEE_GWEI`,
      "retry",
    );
  }
  const neededWei = gas * bid.maxFeeWei;
  if (coinWei >= neededWei) return bid;
  const coin = (wei: bigint): string => `${formatDecimal(wei, 18)} ${network.coin}`;
  return failed(`the treasury has ${coin(coinWei)} for gas and needs ${coin(neededWei)}`, "retry");
}

/** One transaction of the treasury, before it is signed. */
export interface Draft extends Bid {
  readonly to: Address;
  readonly data: Hex;
  readonly nonce: number;
  readonly gas: bigint;
}

/** The serialised transaction. */
export function sealed({ config }: Purse, draft: Draft): Promise<Hex> {
  const { to, data, nonce, gas, maxFeeWei, tipWei } = draft;
  return privateKeyToAccount(config.treasuryKey).signTransaction({
    type: "eip1559",
    chainId: config.chainId,
    to,
    data,
    nonce,
    gas,
    value: 0n,
    maxFeePerGas: maxFeeWei,
    maxPriorityFeePerGas: tipWei,
  });
}
