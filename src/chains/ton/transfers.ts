import type { Address, Slice, Transaction } from "@ton/core";
import { rawAddress } from "./addresses.ts";
import { type PayloadRefs, readPayload } from "./payload.ts";

export const OP = {
  transfer: 0x0f8a7ea5,
  internalTransfer: 0x178d4519,
  bounced: 0xffffffff,
} as const;

/** A transfer that a jetton wallet has credited to itself. */
export interface Credit extends PayloadRefs {
  readonly queryId: bigint;
  readonly atomic: bigint;
  /** Owner of the sending jetton wallet, raw; null for coins that were just minted. */
  readonly from: string | null;
  /** Raw; null: nobody wants the rest of the gas back. */
  readonly responseTo: string | null;
  /** The sending jetton wallet, or the minter. */
  readonly sender: Address;
  /** Logical time of the message that carried it. */
  readonly messageLt: bigint;
}

export type CreditRead =
  | { readonly kind: "credit"; readonly credit: Credit }
  | { readonly kind: "none" }
  /** Credited, and yet not as the standard has it. */
  | { readonly kind: "odd"; readonly reason: string };

/**
 * What a transaction of a jetton wallet credited to it. The wallet's code has proven by then that the sender is its
 * genuine sibling or the minter; an aborted transaction, and one that got its own transfer back, credits no payment.
 */
export function readCredit(transaction: Transaction): CreditRead {
  const message = transaction.inMessage;
  if (message?.info.type !== "internal" || message.info.bounced) return { kind: "none" };
  if (!ranThrough(transaction)) return { kind: "none" };
  const body = message.body.beginParse();
  if (body.remainingBits < 32 || body.loadUint(32) !== OP.internalTransfer) return { kind: "none" };
  const { src: sender, createdLt: messageLt } = message.info;
  try {
    return { kind: "credit", credit: { ...readFields(body), sender, messageLt } };
  } catch {
    // A wallet of another code than the standard's took it; a person has to look.
    return { kind: "odd", reason: "the credited transfer is not of the standard's form" };
  }
}

function readFields(body: Slice): Omit<Credit, "sender" | "messageLt"> {
  const queryId = body.loadUintBig(64);
  const atomic = body.loadCoins();
  const from = body.loadMaybeAddress();
  const responseTo = body.loadMaybeAddress();
  body.loadCoins();
  return {
    queryId,
    atomic,
    from: from === null ? null : rawAddress(from),
    responseTo: responseTo === null ? null : rawAddress(responseTo),
    ...readPayload(body),
  };
}

/** Computed and acted without an error. */
export function ranThrough({ description }: Transaction): boolean {
  if (description.type !== "generic" || description.aborted) return false;
  const { computePhase, actionPhase } = description;
  return computePhase.type === "vm" && computePhase.success && actionPhase?.success === true;
}

/** Why a transaction did not run through, for people: "exit code 45". */
export function failureOf({ description }: Transaction): string {
  if (description.type !== "generic") return "no ordinary transaction";
  const { computePhase, actionPhase } = description;
  if (computePhase.type === "skipped") return `not computed: ${computePhase.reason}`;
  if (!computePhase.success) return `exit code ${computePhase.exitCode}`;
  return `action failed with code ${actionPhase?.resultCode ?? -1}`;
}
