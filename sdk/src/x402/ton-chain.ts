import { randomBytes } from "node:crypto";
import { MissingPeerError, NetworkError } from "../errors.ts";
import { parseAddress } from "../http.ts";
import { PaymentRefusedError } from "../pay/errors.ts";
import type { TonOptions } from "./ton.ts";

export interface JettonTransfer {
  /** Raw or user-friendly, as all addresses here. */
  readonly jettonMaster: string;
  readonly amountAtomic: bigint;
  readonly to: string;
  readonly forwardNano: bigint;
  /** Base64 of a bag of cells; null: none. */
  readonly forwardPayload: string | null;
  /** Gets what is left of the gas; null: nobody. */
  readonly responseTo: string | null;
  /** What the transfer takes along for gas. */
  readonly attachedNano: bigint;
  readonly validUntilS: number;
  readonly sign: (hash: Uint8Array) => Promise<Uint8Array>;
}

export interface SignedTransfer {
  /** Raw address of the wallet. */
  readonly payer: string;
  /** 64 hex digits: the wallet takes an order of this sequence number once. */
  readonly bodyHash: string;
  /** The internal message to the wallet, base64. */
  readonly settlementBoc: string;
}

/** A wallet v5 with its chain. */
export interface TonChain {
  /** @throws NetworkError, PaymentRefusedError */
  signTransfer(transfer: JettonTransfer): Promise<SignedTransfer>;
}

/** Jettons: TEP-74. */
const TRANSFER = 0x0f8a7ea5;
const MAINNET_GLOBAL_ID = -239;
const TESTNET_GLOBAL_ID = -3;

type Core = Awaited<ReturnType<typeof loadCore>>;
type Ton = Awaited<ReturnType<typeof loadTon>>;
type Wallet = InstanceType<Ton["WalletContractV5R1"]>;
type Address = InstanceType<Core["Address"]>;
type Cell = InstanceType<Core["Cell"]>;

/** @throws MissingPeerError */
export async function openTonChain(options: TonOptions, network: string): Promise<TonChain> {
  const { rpcUrl, rpcKey } = options.wallet;
  const url = parseAddress(rpcUrl, "ton.rpcUrl", options.allowInsecureHttp);
  const [core, ton] = await Promise.all([loadCore(), loadTon()]);
  const wallet = walletOf(ton, options.wallet, Number(network.split(":")[1]));
  const client = new ton.TonClient({
    endpoint: url.href,
    ...(rpcKey === undefined ? {} : { apiKey: rpcKey }),
  });
  /** What the chain says of the wallet before anything is signed. */
  const survey = async (master: Address): Promise<Surroundings> => {
    const { state } = await client.getContractState(wallet.address);
    const isOnChain = state === "active";
    return {
      isOnChain,
      seqno: isOnChain ? await client.open(wallet).getSeqno() : 0,
      jettonWallet: await client
        .open(ton.JettonMaster.create(master))
        .getWalletAddress(wallet.address),
    };
  };
  return {
    async signTransfer(transfer) {
      const { master, order } = inForm(() => ({
        order: jettonOrder(core, transfer),
        master: core.Address.parse(transfer.jettonMaster),
      }));
      const surroundings = await reachable(url, () => survey(master));
      const body = await signOrder(core, { wallet, transfer, order, surroundings });
      const init = surroundings.isOnChain ? {} : { init: wallet.init };
      const message = core.internal({ to: wallet.address, value: 0n, bounce: true, body, ...init });
      const cell = core.beginCell().store(core.storeMessageRelaxed(message)).endCell();
      return {
        payer: wallet.address.toRawString(),
        bodyHash: body.hash().toString("hex"),
        settlementBoc: cell.toBoc().toString("base64"),
      };
    },
  };
}

/**
 * The address of a wallet v5, as people write it: where to send the USDT that it pays with.
 *
 * @example
 * ```ts
 * import { tonAddress, tonKeySigner } from "vend402";
 *
 * console.log(await tonAddress({ signer: tonKeySigner(process.env.TON_SEED!) }));
 * ```
 */
export async function tonAddress(
  wallet: Pick<TonOptions["wallet"], "signer" | "subwallet">,
  network: "mainnet" | "testnet" = "mainnet",
): Promise<string> {
  const isTest = network === "testnet";
  const globalId = isTest ? TESTNET_GLOBAL_ID : MAINNET_GLOBAL_ID;
  const { address } = walletOf(await loadTon(), wallet, globalId);
  // Not bounceable: what is sent to a wallet that is not on chain yet must stay there.
  return address.toString({ bounceable: false, testOnly: isTest });
}

interface Surroundings {
  readonly isOnChain: boolean;
  readonly seqno: number;
  readonly jettonWallet: Address;
}

function walletOf(
  ton: Ton,
  { signer, subwallet = 0 }: Pick<TonOptions["wallet"], "signer" | "subwallet">,
  globalId: number,
): Wallet {
  return ton.WalletContractV5R1.create({
    publicKey: Buffer.from(signer.publicKey),
    walletId: {
      // Local chains have ids of their own, wallets made for them do not.
      networkGlobalId: globalId === TESTNET_GLOBAL_ID ? TESTNET_GLOBAL_ID : MAINNET_GLOBAL_ID,
      context: { walletVersion: "v5r1", workchain: 0, subwalletNumber: subwallet },
    },
  });
}

/** TEP-74: what the payer's jetton wallet is told. */
function jettonOrder({ Address, beginCell, Cell }: Core, transfer: JettonTransfer): Cell {
  const { forwardPayload, responseTo } = transfer;
  const order = beginCell()
    .storeUint(TRANSFER, 32)
    .storeUint(randomBytes(8).readBigUInt64BE(), 64)
    .storeCoins(transfer.amountAtomic)
    .storeAddress(Address.parse(transfer.to))
    .storeAddress(responseTo === null ? null : Address.parse(responseTo))
    .storeBit(false)
    .storeCoins(transfer.forwardNano);
  if (forwardPayload === null) return order.storeBit(false).endCell();
  return order.storeBit(true).storeRef(Cell.fromBase64(forwardPayload)).endCell();
}

/** The wallet's order to its jetton wallet, signed so that anybody may bring it. */
function signOrder(
  core: Core,
  signing: {
    readonly wallet: Wallet;
    readonly transfer: JettonTransfer;
    readonly order: Cell;
    readonly surroundings: Surroundings;
  },
): Promise<Cell> {
  const { wallet, transfer, order, surroundings } = signing;
  const { jettonWallet: to, seqno } = surroundings;
  return wallet.createTransfer({
    seqno,
    timeout: transfer.validUntilS,
    authType: "internal",
    // Without IGNORE_ERRORS: an order for which the relay brought too little gas is not used up by that.
    sendMode: core.SendMode.PAY_GAS_SEPARATELY,
    signer: async (cell: Cell) => Buffer.from(await transfer.sign(cell.hash())),
    messages: [core.internal({ to, value: transfer.attachedNano, bounce: true, body: order })],
  });
}

/** The parsers of addresses and cells throw at whatever does not fit. */
function inForm<Value>(build: () => Value): Value {
  try {
    return build();
  } catch {
    throw new PaymentRefusedError("invalid_instructions", {
      message: "The shop's terms for TON hold an address or a payload that is none.",
      advice: "do not pay; ask the shop's operator.",
    });
  }
}

async function reachable<Value>(url: URL, ask: () => Promise<Value>): Promise<Value> {
  try {
    return await ask();
  } catch (cause) {
    throw new NetworkError("The TON server did not answer.", {
      code: "network_error",
      host: url.host,
      cause,
    });
  }
}

async function loadCore() {
  try {
    return await import("@ton/core");
  } catch (cause) {
    throw new MissingPeerError("@ton/core", "^0.63.1", cause);
  }
}

async function loadTon() {
  try {
    return await import("@ton/ton");
  } catch (cause) {
    throw new MissingPeerError("@ton/ton", "^16.3.0", cause);
  }
}
