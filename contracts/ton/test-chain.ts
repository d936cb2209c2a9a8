import { readFileSync } from "node:fs";
import {
  type Address,
  beginCell,
  Cell,
  contractAddress,
  type StateInit,
  type Transaction,
} from "@ton/core";
import { Blockchain, type BlockchainTransaction, internal } from "@ton/sandbox";

export const OP = {
  transfer: 0x0f8a7ea5,
  internalTransfer: 0x178d4519,
  notification: 0x7362d09c,
  excesses: 0xd53276db,
  burn: 0x595f07bc,
  burnNotification: 0x7bdd97de,
  setStatus: 0xeed236d3,
  mint: 0x642b7d07,
  callTo: 0x235caf52,
  provideWalletAddress: 0x2c76b973,
  takeWalletAddress: 0xd1735400,
  sweep: 0x73776570,
  sweepCoins: 0x7377636e,
  sweptFrom: 0x73777074,
} as const;

/** More than any message here needs; in nanotons, as every value of coin. */
export const ENOUGH = 100_000_000n;

type ArtefactName = "DepositForwarder" | "JettonMinter" | "JettonWallet";

export function codeOf(name: ArtefactName): Cell {
  const text = readFileSync(new URL(`${name}.json`, import.meta.url), "utf8");
  return Cell.fromBase64((JSON.parse(text) as { readonly code: string }).code);
}

export interface Sending {
  readonly from: Address;
  readonly to: Address;
  readonly body?: Cell;
  /** @default ENOUGH */
  readonly value?: bigint;
  readonly init?: StateInit;
}

export interface TokenTransfer {
  readonly from: Address;
  readonly to: Address;
  readonly atomic: bigint;
  /** @default ENOUGH */
  readonly value?: bigint;
  /** @default 1n */
  readonly forwardNano?: bigint;
  /** Gets what is left of the coin. @default from */
  readonly response?: Address | null;
  /** Either-bit and payload. @default none */
  readonly payload?: Cell;
}

/** A sandbox with the jetton on it, and accounts that answer to nobody but the test. */
export interface TestChain {
  readonly blockchain: Blockchain;
  readonly admin: Address;
  readonly minter: Address;
  /** An account with some coin. */
  account(name: string): Promise<Address>;
  send(sending: Sending): Promise<readonly BlockchainTransaction[]>;
  /** Where the tokens of an owner lie. */
  walletOf(owner: Address): Promise<Address>;
  /** Base units; 0 where there is no wallet. */
  tokensOf(owner: Address): Promise<bigint>;
  coinOf(address: Address): Promise<bigint>;
  supply(): Promise<bigint>;
  mint(to: Address, atomic: bigint): Promise<readonly BlockchainTransaction[]>;
  transfer(wish: TokenTransfer): Promise<readonly BlockchainTransaction[]>;
  /** As the issuer does it: bit 1 stops sending, bit 2 receiving. */
  setStatus(owner: Address, status: number): Promise<readonly BlockchainTransaction[]>;
}

export async function openTestChain(): Promise<TestChain> {
  const blockchain = await Blockchain.create({ config: "slim" });
  blockchain.verbosity = { print: false, blockchainLogs: false, vmLogs: "none", debugLogs: false };
  const { address: admin } = await blockchain.treasury("admin");
  const data = beginCell()
    .storeCoins(0n)
    .storeAddress(admin)
    .storeRef(codeOf("JettonWallet"))
    .storeRef(Cell.EMPTY)
    .endCell();
  const init = { code: codeOf("JettonMinter"), data };
  const minter = contractAddress(0, init);

  const send: TestChain["send"] = async ({ from, to, value = ENOUGH, body, init: stateInit }) => {
    const message = internal({
      from,
      to,
      value,
      bounce: true,
      ...(body && { body }),
      ...(stateInit && { stateInit }),
    });
    return (await blockchain.sendMessage(message)).transactions;
  };
  const walletOf = async (owner: Address): Promise<Address> => {
    const cell = beginCell().storeAddress(owner).endCell();
    const found = await blockchain.runGetMethod(minter, "get_wallet_address", [
      { type: "slice", cell },
    ]);
    return found.stackReader.readAddress();
  };
  const callTo = (to: Address, body: Cell): ReturnType<TestChain["send"]> =>
    send({ from: admin, to: minter, body: callToBody(to, body), value: 2n * ENOUGH });

  // Any message deploys it, also one that it then refuses.
  await send({ from: admin, to: minter, value: ENOUGH, init });
  return {
    blockchain,
    admin,
    minter,
    account: async (name) => (await blockchain.treasury(name)).address,
    send,
    walletOf,
    async tokensOf(owner) {
      const wallet = await walletOf(owner);
      const { accountState } = await blockchain.getContract(wallet);
      if (accountState?.type !== "active") return 0n;
      const read = await blockchain.runGetMethod(wallet, "get_wallet_data");
      return read.stackReader.readBigNumber();
    },
    coinOf: async (address) => (await blockchain.getContract(address)).balance,
    async supply() {
      const read = await blockchain.runGetMethod(minter, "get_jetton_data");
      return read.stackReader.readBigNumber();
    },
    mint: (to, atomic) =>
      send({ from: admin, to: minter, body: mintBody(to, atomic), value: 2n * ENOUGH }),
    transfer: async (wish) =>
      send({
        from: wish.from,
        to: await walletOf(wish.from),
        body: transferBody(wish),
        value: wish.value ?? ENOUGH,
      }),
    setStatus: (owner, status) =>
      callTo(owner, headed(OP.setStatus).storeUint(status, 4).endCell()),
  };
}

/** A body's opcode and its query id, which is 0. */
export function headed(op: number): ReturnType<typeof beginCell> {
  return beginCell().storeUint(op, 32).storeUint(0, 64);
}

export function transferBody(wish: Omit<TokenTransfer, "value">): Cell {
  const { from, to, atomic, forwardNano = 1n, response = from, payload } = wish;
  const body = headed(OP.transfer)
    .storeCoins(atomic)
    .storeAddress(to)
    .storeAddress(response)
    .storeBit(0)
    .storeCoins(forwardNano);
  return payload ? body.storeSlice(payload.beginParse()).endCell() : body.storeBit(0).endCell();
}

/** `from` null: as if minted. */
export function internalTransferBody(from: Address | null, atomic: bigint): Cell {
  const body = headed(OP.internalTransfer).storeCoins(atomic).storeAddress(from);
  return body.storeAddress(null).storeCoins(0n).storeBit(0).endCell();
}

export function mintBody(to: Address, atomic: bigint): Cell {
  const body = headed(OP.mint).storeAddress(to).storeCoins(ENOUGH);
  return body.storeRef(internalTransferBody(null, atomic)).endCell();
}

export function callToBody(to: Address, message: Cell): Cell {
  return headed(OP.callTo).storeAddress(to).storeCoins(ENOUGH).storeRef(message).endCell();
}

/** Of the transaction that `address` had, the first of several; null when it had none. */
export function transactionAt(
  transactions: readonly BlockchainTransaction[],
  address: Address,
): BlockchainTransaction | null {
  const account = BigInt(`0x${address.hash.toString("hex")}`);
  return transactions.find((transaction) => transaction.address === account) ?? null;
}

/** What running its code ended with; null when none ran. */
export function exitCodeOf(transaction: Transaction | null): number | null {
  const phase = computed(transaction);
  return phase === null ? null : phase.exitCode;
}

export function gasOf(transaction: Transaction | null): bigint {
  return computed(transaction)?.gasUsed ?? 0n;
}

function computed(transaction: Transaction | null) {
  if (transaction?.description.type !== "generic") return null;
  const { computePhase } = transaction.description;
  return computePhase.type === "vm" ? computePhase : null;
}

export function wasAborted(transaction: Transaction | null): boolean {
  return transaction?.description.type === "generic" && transaction.description.aborted;
}

/** The opcode of what came in; null for an empty body. */
export function opOf(transaction: Transaction): number | null {
  const body = transaction.inMessage?.body.beginParse();
  return body === undefined || body.remainingBits < 32 ? null : body.loadUint(32);
}
