import { xdr } from "@stellar/stellar-sdk";
import {
  AUTH_CLAWBACK_ENABLED,
  AUTH_IMMUTABLE,
  AUTH_REQUIRED,
  AUTH_REVOCABLE,
  availableBalance,
  changeAccount,
  type LedgerContext,
  loadAccount,
  MAX_SUBENTRIES,
  storeAccount,
  withSigners,
} from "../ledger/accounts.ts";
import { sameAccount } from "../ledger/entry-key.ts";
import {
  type BodyOf,
  type ClassicOperation,
  failed,
  type OperationOutcome,
  refused,
  succeeded,
} from "./operation.ts";

const { SetOptionsResult } = xdr;
const KNOWN_FLAGS = AUTH_REQUIRED | AUTH_REVOCABLE | AUTH_IMMUTABLE | AUTH_CLAWBACK_ENABLED;
const MAX_SIGNERS = 20;

type Options = xdr.SetOptionsOp;

/** Who may sign is changed with the high threshold, all else with the medium one. */
export const setOptions: ClassicOperation<BodyOf<"setOptions">> = {
  threshold: ({ setOptionsOp }) => (changesSigning(setOptionsOp) ? "high" : "medium"),
  malformed({ setOptionsOp }, source) {
    const fault = fixedFault(setOptionsOp, source);
    return fault ? xdr.OperationResult.opInner(result(fault)) : null;
  },
  apply({ state, ledger, source }, { setOptionsOp: options }) {
    const account = loadAccount(state, source);
    if (!account) return refused(xdr.OperationResult.opNoAccount());
    if (options.inflationDest && !loadAccount(state, options.inflationDest)) {
      return failed(result(SetOptionsResult.setOptionsInvalidInflation()));
    }
    const flags = (account.flags & ~(options.clearFlags ?? 0)) | (options.setFlags ?? 0);
    const flagsFault = faultOfFlags(account.flags, flags);
    if (flagsFault) return failed(result(flagsFault));
    const changed = changeAccount(account, {
      flags,
      inflationDest: options.inflationDest ?? account.inflationDest,
      homeDomain: options.homeDomain ?? account.homeDomain,
      thresholds: thresholdsAfter(account, options),
    });
    const signed = options.signer
      ? withSigners(changed, signersAfter(account.signers, options.signer))
      : changed;
    const fault = signed.numSubEntries > account.numSubEntries && faultOfSigners(signed, ledger);
    if (fault) return fault;
    storeAccount(state, ledger, signed);
    return succeeded(result(SetOptionsResult.setOptionsSuccess()));
  },
};

function faultOfFlags(before: number, after: number): xdr.SetOptionsResult | null {
  if (before !== after && (before & AUTH_IMMUTABLE) !== 0) {
    return SetOptionsResult.setOptionsCantChange();
  }
  const clawsBack = (after & AUTH_CLAWBACK_ENABLED) !== 0;
  const revocable = (after & AUTH_REVOCABLE) !== 0;
  return clawsBack && !revocable ? SetOptionsResult.setOptionsAuthRevocableRequired() : null;
}

/** Of an account that got a signer more. */
function faultOfSigners(account: xdr.AccountEntry, ledger: LedgerContext): OperationOutcome | null {
  if (account.signers.length > MAX_SIGNERS) {
    return failed(result(SetOptionsResult.setOptionsTooManySigners()));
  }
  if (account.numSubEntries > MAX_SUBENTRIES) {
    return refused(xdr.OperationResult.opTooManySubentries());
  }
  if (availableBalance(account, ledger) >= 0n) return null;
  return failed(result(SetOptionsResult.setOptionsLowReserve()));
}

function changesSigning(options: Options): boolean {
  const { masterWeight, lowThreshold, medThreshold, highThreshold, signer } = options;
  return [masterWeight, lowThreshold, medThreshold, highThreshold, signer].some((x) => x !== null);
}

function fixedFault(options: Options, source: xdr.PublicKey): xdr.SetOptionsResult | null {
  const set = options.setFlags ?? 0;
  const clear = options.clearFlags ?? 0;
  if (((set | clear) & ~KNOWN_FLAGS) !== 0) return SetOptionsResult.setOptionsUnknownFlag();
  if ((set & clear) !== 0) return SetOptionsResult.setOptionsBadFlags();
  const { masterWeight, lowThreshold, medThreshold, highThreshold } = options;
  const bytes = [masterWeight, lowThreshold, medThreshold, highThreshold];
  if (bytes.some((value) => (value ?? 0) > 255)) {
    return SetOptionsResult.setOptionsThresholdOutOfRange();
  }
  if (options.signer && !isSignerValid(options.signer, source)) {
    return SetOptionsResult.setOptionsBadSigner();
  }
  if (options.homeDomain && !/^[\x20-\x7e]*$/.test(options.homeDomain.toString())) {
    return SetOptionsResult.setOptionsInvalidHomeDomain();
  }
  return null;
}

function isSignerValid({ key, weight }: xdr.Signer, source: xdr.PublicKey): boolean {
  if (weight > 255) return false;
  if (key.type === "signerKeyTypeEd25519SignedPayload") {
    return key.ed25519SignedPayload.payload.length > 0;
  }
  if (key.type !== "signerKeyTypeEd25519") return true;
  return !sameAccount(xdr.PublicKey.publicKeyTypeEd25519(key.ed25519), source);
}

function thresholdsAfter(account: xdr.AccountEntry, options: Options): Uint8Array {
  const wanted = [
    options.masterWeight,
    options.lowThreshold,
    options.medThreshold,
    options.highThreshold,
  ];
  return account.thresholds.value.map((value, index) => wanted[index] ?? value);
}

/** Weight 0 removes; the list stays in the order of the keys, as the network keeps it. */
function signersAfter(signers: readonly xdr.Signer[], changed: xdr.Signer): xdr.Signer[] {
  const others = signers.filter((signer) => !signer.key.equals(changed.key));
  if (changed.weight === 0) return others;
  const order = (signer: xdr.Signer) => Buffer.from(signer.key.toXdr());
  return [...others, changed].toSorted((a, b) => Buffer.compare(order(a), order(b)));
}

function result(code: xdr.SetOptionsResult): xdr.OperationResultTr {
  return xdr.OperationResultTr.setOptions(code);
}
