import { StrKey } from "@stellar/stellar-sdk";
import { expect, test } from "vitest";
import type { PaymentOffer } from "../answers.ts";
import { STELLAR_NETWORKS, openNetwork } from "./network.ts";
import { checkOffer, chooseLeg, timeBoundS, type Leg } from "./terms.ts";

const ISSUER: string = STELLAR_NETWORKS.pubnet.usdcIssuer;
const OTHER_ISSUER = StrKey.encodeEd25519PublicKey(Buffer.alloc(32, 7));
const CONTRACT = StrKey.encodeContract(Buffer.alloc(32, 9));
const PUBNET = openNetwork("pubnet");

const OFFER: PaymentOffer = {
  type: "soroban_contract",
  contract_id: CONTRACT,
  order_id: "order-1",
  usdc: { amount: "10.00", asset: `USDC:${ISSUER}` },
  xlm: { amount: "64.5161290", expires_at: "2026-01-01T00:05:00.000Z" },
  network_passphrase: STELLAR_NETWORKS.pubnet.passphrase,
};

test("an honest offer gives a leg per asset in stroops, each with the end of its price", () => {
  expect(checkOffer(OFFER, PUBNET, { usdc: "10", xlm: "70" })).toEqual([
    { asset: "usdc", amountStroops: 100_000_000n, expiresAtS: null },
    { asset: "xlm", amountStroops: 645_161_290n, expiresAtS: Date.UTC(2026, 0, 1, 0, 5) / 1000 },
  ]);
  const ending = { ...OFFER, expires_at: "2026-01-01T00:01:00.999Z" };
  expect(checkOffer(ending, PUBNET, {}).map(({ expiresAtS }) => expiresAtS)).toEqual([
    1_767_225_660, 1_767_225_660,
  ]);
});

test.each<readonly [string, Partial<PaymentOffer>, string]>([
  ["another network", { network_passphrase: STELLAR_NETWORKS.testnet.passphrase }, "wrong_network"],
  [
    "a contract id with a wrong checksum",
    { contract_id: `${CONTRACT.slice(0, 55)}A` },
    "invalid_instructions",
  ],
  [
    "USDC of another issuer",
    { usdc: { amount: "10.00", asset: `USDC:${OTHER_ISSUER}` } },
    "wrong_asset",
  ],
  ["another asset as USDC", { usdc: { amount: "10.00", asset: `USDX:${ISSUER}` } }, "wrong_asset"],
  [
    "an issuer with a wrong checksum",
    { usdc: { amount: "10.00", asset: `USDC:${ISSUER.slice(0, 55)}A` } },
    "wrong_asset",
  ],
  [
    "more than the cap",
    { usdc: { amount: "10.0000001", asset: `USDC:${ISSUER}` } },
    "amount_over_cap",
  ],
  ["more XLM than the cap", { xlm: { amount: "71" } }, "amount_over_cap"],
  ["nothing", { usdc: { amount: "0.00", asset: `USDC:${ISSUER}` } }, "invalid_instructions"],
  ["eight decimals", { xlm: { amount: "1.00000001" } }, "invalid_instructions"],
  ["a negative amount", { xlm: { amount: "-1" } }, "invalid_instructions"],
])("an offer of %s is refused", (_what, change, code) => {
  expect(() => checkOffer({ ...OFFER, ...change }, PUBNET, { usdc: "10.00", xlm: "70" })).toThrow(
    expect.objectContaining({ code }) as Error,
  );
});

test("any issuer is taken on a network whose issuer the payer did not name", () => {
  const offer = {
    ...OFFER,
    network_passphrase: STELLAR_NETWORKS.testnet.passphrase,
    usdc: { amount: "10", asset: `USDC:${OTHER_ISSUER}` },
  };
  expect(checkOffer(offer, openNetwork("testnet"), {})).toHaveLength(2);
});

const LEGS: readonly Leg[] = [
  { asset: "usdc", amountStroops: 100n, expiresAtS: null },
  { asset: "xlm", amountStroops: 1_000n, expiresAtS: null },
];
const XLM = 10_000_000n;

function wallet(usdc: bigint | null, xlm: bigint | null, isAuthorized = true) {
  return {
    publicKey: OTHER_ISSUER,
    xlmUnavailable: null,
    seen: {
      latestLedger: 1,
      account:
        xlm === null
          ? null
          : { balanceStroops: xlm, sequence: 1n, subentries: usdc === null ? 0 : 1 },
      trustline: usdc === null ? null : { balanceStroops: usdc, isAuthorized },
    },
  };
}

test("auto takes USDC while the wallet holds it, else XLM beyond reserve and fee", () => {
  expect(chooseLeg(LEGS, "auto", wallet(100n, 10n * XLM)).asset).toBe("usdc");
  expect(chooseLeg(LEGS, "auto", wallet(99n, 10n * XLM)).asset).toBe("xlm");
  expect(chooseLeg(LEGS, "auto", wallet(100n, 10n * XLM, false)).asset).toBe("xlm");
  expect(chooseLeg(LEGS, "auto", wallet(null, 3n * XLM + 1_000n)).asset).toBe("xlm");
});

test.each<readonly [string, Parameters<typeof chooseLeg>[1], ReturnType<typeof wallet>, string]>([
  ["no account", "auto", wallet(null, null), "account_not_found"],
  ["too little of everything", "auto", wallet(99n, 3n * XLM), "insufficient_balance"],
  ["too little USDC", "usdc", wallet(99n, 10n * XLM), "insufficient_balance"],
  ["no trustline", "usdc", wallet(null, 10n * XLM), "missing_trustline"],
  ["too little XLM", "xlm", wallet(100n, 999n), "insufficient_balance"],
])("a wallet with %s is told so", (_what, asset, holder, code) => {
  expect(() => chooseLeg(LEGS, asset, holder)).toThrow(expect.objectContaining({ code }) as Error);
});

test("an asset that the shop does not take is refused with the shop's reason", () => {
  const holder = { ...wallet(100n, 10n * XLM), xlmUnavailable: "no fresh price" };
  expect(() => chooseLeg(LEGS.slice(0, 1), "xlm", holder)).toThrow(/no fresh price/);
});

test("the time bound never outlives the price, by the chain's clock", () => {
  const leg = (expiresAtS: number | null): Leg => ({ asset: "xlm", amountStroops: 1n, expiresAtS });
  expect(timeBoundS(leg(null), 1_000, 180)).toBe(1_180);
  expect(timeBoundS(leg(1_100), 1_000, 180)).toBe(1_100);
  for (const ended of [1_009, 1_000, 0])
    expect(() => timeBoundS(leg(ended), 1_000, 180)).toThrow(/has ended or is about to/);
});
