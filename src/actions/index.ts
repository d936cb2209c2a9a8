/** Every action by name: what the store runs in a transaction. */
import { applyDeposits } from "./apply-deposits.ts";
import { closeWindow } from "./close-window.ts";
import { createOrder } from "./create-order.ts";
import { createX402Order, nameX402Order } from "./create-x402-order.ts";
import {
  giveUp,
  markUnknown,
  recordStage,
  rejectAttempt,
  salvageAttempt,
  startAttempt,
  strandAttempt,
} from "./fulfil-order.ts";
import { hastenAttempt, hastenSettlement } from "./hasten-work.ts";
import { openRestored } from "./hold-restored.ts";
import { createKey, suspendKey } from "./manage-keys.ts";
import { oweRefund } from "./owe-refund.ts";
import { recordSupplierEvent } from "./record-supplier.ts";
import { refundUnmatched } from "./refund-unmatched.ts";
import { pruneIdempotency, releaseJobs, turnJobs } from "./run-jobs.ts";
import {
  blockPayout,
  confirmPayout,
  dropPayout,
  outbidPayout,
  redirectPayout,
  storeSignedPayout,
} from "./send-payout.ts";
import { claimAuthorization, failAuthorization, noteSent } from "./settle-authorization.ts";

export const actions = {
  applyDeposits,
  blockPayout,
  claimAuthorization,
  closeWindow,
  confirmPayout,
  createKey,
  createOrder,
  createX402Order,
  dropPayout,
  failAuthorization,
  giveUp,
  hastenAttempt,
  hastenSettlement,
  markUnknown,
  nameX402Order,
  noteSent,
  openRestored,
  outbidPayout,
  oweRefund,
  pruneIdempotency,
  recordStage,
  recordSupplierEvent,
  redirectPayout,
  refundUnmatched,
  rejectAttempt,
  releaseJobs,
  salvageAttempt,
  startAttempt,
  storeSignedPayout,
  strandAttempt,
  suspendKey,
  turnJobs,
} as const;

export type ShopActions = typeof actions;
