import { Asset, Address, nativeToScVal, StrKey, xdr } from "@stellar/stellar-sdk";
import { baseAccount } from "../ledger/entry-key.ts";

/**
 * The events that classic operations emit in the name of an asset's contract (CAP-67), so that one
 * stream tells of every movement: transfer, mint, burn, set_authorized and fee.
 */
export interface AssetEvents {
  /** `transfer`, or `mint` and `burn` when the issuer is on one side. */
  moved(movement: AssetMovement): xdr.ContractEvent;
  setAuthorized(asset: xdr.Asset, account: xdr.PublicKey, authorized: boolean): xdr.ContractEvent;
  /** Negative amounts are refunds. */
  fee(from: xdr.PublicKey, amountStroops: bigint): xdr.ContractEvent;
}

export interface AssetMovement {
  readonly asset: xdr.Asset;
  readonly from: xdr.PublicKey;
  readonly to: xdr.MuxedAccount;
  readonly amount: bigint;
  readonly memo: xdr.Memo;
}

export function createAssetEvents(passphrase: string): AssetEvents {
  const contractIds = new Map<string, xdr.ContractId>();

  function contractOf(asset: Asset): xdr.ContractId {
    const name = asset.toString();
    const known = contractIds.get(name);
    if (known) return known;
    const id = new xdr.ContractId(StrKey.decodeContract(asset.contractId(passphrase)));
    contractIds.set(name, id);
    return id;
  }

  function event(asset: Asset, topics: xdr.ScVal[], data: xdr.ScVal): xdr.ContractEvent {
    return new xdr.ContractEvent({
      ext: xdr.ExtensionPoint.v0(),
      contractId: contractOf(asset),
      type: xdr.ContractEventType.contract,
      body: xdr.ContractEventBody.v0(new xdr.ContractEventV0({ topics, data })),
    });
  }

  return {
    moved({ asset: xdrAsset, from, to, amount, memo }) {
      const asset = Asset.fromOperation(xdrAsset);
      const receiver = baseAccount(to);
      const issuer = asset.isNative() ? null : asset.getIssuer();
      const data = amountWithReference(amount, to, memo);
      const name = xdr.ScVal.scvString(asset.toString());
      if (issuer === strkeyOf(from) && issuer !== strkeyOf(receiver)) {
        return event(asset, [symbol("mint"), address(receiver), name], data);
      }
      if (issuer === strkeyOf(receiver) && issuer !== strkeyOf(from)) {
        return event(asset, [symbol("burn"), address(from), name], i128(amount));
      }
      const topics = [symbol("transfer"), address(from), address(receiver), name];
      return event(asset, topics, data);
    },
    setAuthorized(xdrAsset, account, authorized) {
      const asset = Asset.fromOperation(xdrAsset);
      const name = xdr.ScVal.scvString(asset.toString());
      const topics = [symbol("set_authorized"), address(account), name];
      return event(asset, topics, xdr.ScVal.scvBool(authorized));
    },
    fee: (from, amountStroops) =>
      event(Asset.native(), [symbol("fee"), address(from)], i128(amountStroops)),
  };
}

/** The plain amount, or a map with the reference the receiver is to book it under. */
function amountWithReference(amount: bigint, to: xdr.MuxedAccount, memo: xdr.Memo): xdr.ScVal {
  const reference = to.type === "keyTypeMuxedEd25519" ? u64(to.med25519.id) : memoValue(memo);
  if (!reference) return i128(amount);
  return xdr.ScVal.scvMap([
    new xdr.ScMapEntry({ key: symbol("amount"), val: i128(amount) }),
    new xdr.ScMapEntry({ key: symbol("to_muxed_id"), val: reference }),
  ]);
}

function memoValue(memo: xdr.Memo): xdr.ScVal | null {
  switch (memo.type) {
    case "memoNone":
      return null;
    case "memoText":
      return xdr.ScVal.scvString(memo.text);
    case "memoId":
      return u64(memo.id);
    case "memoHash":
      return xdr.ScVal.scvBytes(memo.hash.value);
    case "memoReturn":
      return xdr.ScVal.scvBytes(memo.retHash.value);
  }
}

function symbol(text: string): xdr.ScVal {
  return xdr.ScVal.scvSymbol(text);
}

function u64(value: bigint): xdr.ScVal {
  return xdr.ScVal.scvU64(value);
}

function i128(value: bigint): xdr.ScVal {
  return nativeToScVal(value, { type: "i128" });
}

function strkeyOf(id: xdr.PublicKey): string {
  return StrKey.encodeEd25519PublicKey(id.ed25519.value);
}

function address(id: xdr.PublicKey): xdr.ScVal {
  return Address.fromString(strkeyOf(id)).toScVal();
}
