import { keccak256 } from "viem";
import { EXACT_PROXY, PERMIT2, type SignedPromise } from "./promise.ts";

/** The EIP-712 domain of a token that signs; Permit2 has one of its own. */
export interface TokenDomain {
  readonly chainId: number;
  readonly name: string;
  readonly version: string;
}

const typeHash = (type: string): string => hashOf(Buffer.from(type));

const DOMAIN = typeHash(
  "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
);
const DOMAIN_WITHOUT_VERSION = typeHash(
  "EIP712Domain(string name,uint256 chainId,address verifyingContract)",
);
const TRANSFER = typeHash(
  "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)",
);
const WITNESS = typeHash("Witness(address to,uint256 validAfter)");
const PERMISSIONS = typeHash("TokenPermissions(address token,uint256 amount)");
const PERMIT = typeHash(
  "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,Witness witness)" +
    "TokenPermissions(address token,uint256 amount)Witness(address to,uint256 validAfter)",
);

/** Domains never change; there are as many as configured tokens and chains. */
const domains = new Map<string, string>();
const MAX_DOMAINS = 1_000;

/** The 32 bytes that were signed (EIP-712). */
export function digestOf(promise: SignedPromise, domain: TokenDomain): Uint8Array {
  const separator = separatorOf(promise, domain);
  const struct = promise.method === "eip3009" ? transferHash(promise) : permitHash(promise);
  return keccak256(Buffer.from(`1901${separator}${struct}`, "hex"), "bytes");
}

function transferHash({ from, to, atomic, validAfter, validBefore, nonce }: SignedPromise): string {
  return hashWords(
    TRANSFER,
    address(from),
    address(to),
    uint(atomic),
    uint(validAfter),
    uint(validBefore),
    nonce.slice(2),
  );
}

function permitHash({ token, to, atomic, validAfter, validBefore, nonce }: SignedPromise): string {
  const permitted = hashWords(PERMISSIONS, address(token), uint(atomic));
  const witness = hashWords(WITNESS, address(to), uint(validAfter));
  const deadline = uint(validBefore);
  return hashWords(PERMIT, permitted, address(EXACT_PROXY), nonce.slice(2), deadline, witness);
}

function separatorOf({ method, token }: SignedPromise, domain: TokenDomain): string {
  const { chainId, name, version } = domain;
  const key = method === "permit2" ? `${chainId}` : `${chainId}|${token}|${version}|${name}`;
  const known = domains.get(key);
  if (known !== undefined) return known;
  const chain = uint(BigInt(chainId));
  const separator =
    method === "permit2"
      ? hashWords(DOMAIN_WITHOUT_VERSION, typeHash("Permit2"), chain, address(PERMIT2))
      : hashWords(DOMAIN, typeHash(name), typeHash(version), chain, address(token));
  if (domains.size < MAX_DOMAINS) domains.set(key, separator);
  return separator;
}

/** Words are 32 bytes as 64 hex digits, without a prefix. */
function hashWords(...words: readonly string[]): string {
  return hashOf(Buffer.from(words.join(""), "hex"));
}

function hashOf(bytes: Uint8Array): string {
  return keccak256(bytes).slice(2);
}

function address(value: string): string {
  return value.slice(2).padStart(64, "0");
}

function uint(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}
