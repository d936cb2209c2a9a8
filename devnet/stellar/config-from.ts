import { xdr } from "@stellar/stellar-sdk";
import { isObject } from "./rpc/json-rpc.ts";
import { SETTING_KEYS } from "./settings-entries.ts";
import { settingsFromEntries } from "./settings-reading.ts";
import { type NetworkSettings, TESTNET_SETTINGS } from "./settings.ts";

/**
 * The settings that a network has voted for, read over RPC: limits, prices, TTLs and the cost table of
 * its contracts.
 *
 * @throws if the server does not answer, or knows none of them
 */
export async function readNetworkSettings(
  rpcUrl: string,
  base: NetworkSettings = TESTNET_SETTINGS,
): Promise<NetworkSettings> {
  const body = {
    jsonrpc: "2.0",
    id: 1,
    method: "getLedgerEntries",
    params: { keys: SETTING_KEYS },
  };
  const response = await fetch(rpcUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  if (!response.ok) throw new Error(`${rpcUrl} answered ${response.status}`);
  const answer: unknown = await response.json();
  const result = isObject(answer) ? answer["result"] : null;
  const entries: readonly unknown[] =
    isObject(result) && Array.isArray(result["entries"]) ? result["entries"] : [];
  const settings = entries.map(configSetting).filter((entry) => entry !== null);
  if (settings.length === 0) {
    throw new Error(`${rpcUrl} gave no settings: ${JSON.stringify(answer).slice(0, 200)}`);
  }
  return settingsFromEntries(settings, base);
}

function configSetting(entry: unknown): xdr.ConfigSettingEntry | null {
  if (!isObject(entry) || typeof entry["xdr"] !== "string") return null;
  const data = xdr.LedgerEntryData.fromXdr(entry["xdr"], "base64");
  return data.type === "configSetting" ? data.configSetting : null;
}
