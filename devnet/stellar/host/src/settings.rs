//! Rates, limits and lifetimes of the network imitated.

use crate::wire::{HostLedger, Xdr, bytes32};
use serde::Deserialize;
use soroban_env_host::LedgerInfo;
use soroban_env_host::budget::Budget;
use soroban_env_host::fees::{FeeConfiguration, RentFeeConfiguration};
use soroban_env_host::xdr::{
    ContractCostParamEntry, ContractCostParams, ContractCostType, ExtensionPoint,
};
use soroban_simulation::NetworkConfig;

/// The protocol of the host crates this module is built from.
pub const PROTOCOL_VERSION: u32 = 27;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostSettings {
    #[serde(deserialize_with = "bytes32")]
    network_id: [u8; 32],
    base_reserve: u32,
    tx_max_instructions: i64,
    tx_memory_limit_bytes: u32,
    min_temporary_ttl: u32,
    min_persistent_ttl: u32,
    max_entry_ttl: u32,
    cpu_cost_params: Option<Xdr<ContractCostParams>>,
    memory_cost_params: Option<Xdr<ContractCostParams>>,
    fees: FeeRates,
    #[serde(default)]
    size_limits: SizeLimits,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeeRates {
    per_instruction_increment: i64,
    per_disk_read_entry: i64,
    per_write_entry: i64,
    #[serde(rename = "perDiskRead1kb")]
    per_disk_read_1kb: i64,
    #[serde(rename = "perWrite1kb")]
    per_write_1kb: i64,
    #[serde(rename = "perHistorical1kb")]
    per_historical_1kb: i64,
    #[serde(rename = "perContractEvent1kb")]
    per_contract_event_1kb: i64,
    #[serde(rename = "perTransactionSize1kb")]
    per_transaction_size_1kb: i64,
    #[serde(rename = "perRent1kb")]
    per_rent_1kb: i64,
    persistent_rent_denominator: i64,
    temporary_rent_denominator: i64,
}

/// Sizes a validator refuses to exceed at apply time; an absent one is not checked.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SizeLimits {
    pub max_contract_size_bytes: Option<u32>,
    pub max_data_entry_size_bytes: Option<u32>,
    pub tx_max_contract_events_size_bytes: Option<u32>,
}

pub struct Settings {
    pub network: NetworkConfig,
    pub size_limits: SizeLimits,
    network_id: [u8; 32],
    base_reserve: u32,
}

impl Settings {
    pub fn ledger_info(&self, ledger: HostLedger) -> LedgerInfo {
        LedgerInfo {
            protocol_version: PROTOCOL_VERSION,
            sequence_number: ledger.sequence,
            timestamp: ledger.close_time_s,
            network_id: self.network_id,
            base_reserve: self.base_reserve,
            min_temp_entry_ttl: self.network.min_temp_entry_ttl,
            min_persistent_entry_ttl: self.network.min_persistent_entry_ttl,
            max_entry_ttl: self.network.max_entry_ttl,
        }
    }

    /// The last ledger in which an entry restored at `sequence` is alive.
    pub fn restored_until(&self, sequence: u32) -> u32 {
        sequence.saturating_add(self.network.min_persistent_entry_ttl.saturating_sub(1))
    }

    /// The budget of one applied transaction: what it declared, not what the network would allow.
    pub fn transaction_budget(&self, instructions: u32) -> Result<Budget, String> {
        Budget::try_from_configs(
            instructions.into(),
            self.network.tx_memory_limit.into(),
            self.network.cpu_cost_params.clone(),
            self.network.memory_cost_params.clone(),
        )
        .map_err(|e| format!("{e:?}"))
    }
}

impl TryFrom<HostSettings> for Settings {
    type Error = String;

    fn try_from(given: HostSettings) -> Result<Self, String> {
        let rates = given.fees;
        let own = own_cost_params()?;
        let network = NetworkConfig {
            fee_configuration: FeeConfiguration {
                fee_per_instruction_increment: rates.per_instruction_increment,
                fee_per_disk_read_entry: rates.per_disk_read_entry,
                fee_per_write_entry: rates.per_write_entry,
                fee_per_disk_read_1kb: rates.per_disk_read_1kb,
                fee_per_write_1kb: rates.per_write_1kb,
                fee_per_historical_1kb: rates.per_historical_1kb,
                fee_per_contract_event_1kb: rates.per_contract_event_1kb,
                fee_per_transaction_size_1kb: rates.per_transaction_size_1kb,
            },
            rent_fee_configuration: RentFeeConfiguration {
                fee_per_write_1kb: rates.per_write_1kb,
                fee_per_rent_1kb: rates.per_rent_1kb,
                fee_per_write_entry: rates.per_write_entry,
                persistent_rent_rate_denominator: rates.persistent_rent_denominator,
                temporary_rent_rate_denominator: rates.temporary_rent_denominator,
            },
            tx_max_instructions: given.tx_max_instructions,
            tx_memory_limit: given.tx_memory_limit_bytes,
            cpu_cost_params: given.cpu_cost_params.map_or(own.cpu, |p| p.0),
            memory_cost_params: given.memory_cost_params.map_or(own.memory, |p| p.0),
            min_temp_entry_ttl: given.min_temporary_ttl,
            min_persistent_entry_ttl: given.min_persistent_ttl,
            max_entry_ttl: given.max_entry_ttl,
        };
        Ok(Settings {
            network,
            size_limits: given.size_limits,
            network_id: given.network_id,
            base_reserve: given.base_reserve,
        })
    }
}

struct CostParams {
    cpu: ContractCostParams,
    memory: ContractCostParams,
}

/// The cost table inside `Budget::default()`. It has no getter, so it is read back by charging: a charge
/// of input 0 is the constant term. Linear terms are scaled by 128, so a charge of input 128 adds the
/// linear term itself; the dearest types pass the default limit there and are probed with less. This
/// table charges about twice what a live network charges.
fn own_cost_params() -> Result<CostParams, String> {
    let mut cpu = Vec::new();
    let mut memory = Vec::new();
    for cost in ContractCostType::variants() {
        let (constant, linear) =
            own_cost(cost).ok_or_else(|| format!("no cost known for {cost:?}"))?;
        cpu.push(cost_entry(constant.cpu, linear.cpu));
        memory.push(cost_entry(constant.memory, linear.memory));
    }
    let table =
        |entries: Vec<_>| entries.try_into().map(ContractCostParams).map_err(|e| format!("{e}"));
    Ok(CostParams { cpu: table(cpu)?, memory: table(memory)? })
}

#[derive(Clone, Copy, Default)]
struct Cost {
    cpu: i64,
    memory: i64,
}

fn cost_entry(const_term: i64, linear_term: i64) -> ContractCostParamEntry {
    ContractCostParamEntry { ext: ExtensionPoint::V0, const_term, linear_term }
}

/// Constant and linear term of one cost type.
fn own_cost(cost: ContractCostType) -> Option<(Cost, Cost)> {
    // A type without a linear term refuses every input.
    let Some(base) = charge(cost, Some(0)) else {
        return Some((charge(cost, None)?, Cost::default()));
    };
    let (input, full) = [128, 8, 1].into_iter().find_map(|n| Some((n, charge(cost, Some(n))?)))?;
    let scale = 128 / input as i64;
    let linear =
        Cost { cpu: (full.cpu - base.cpu) * scale, memory: (full.memory - base.memory) * scale };
    Some((base, linear))
}

fn charge(cost: ContractCostType, input: Option<u64>) -> Option<Cost> {
    let budget = Budget::default();
    budget.charge(cost, input).ok()?;
    let cpu = budget.get_cpu_insns_consumed().ok()?.try_into().ok()?;
    Some(Cost { cpu, memory: budget.get_mem_bytes_consumed().ok()?.try_into().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_cost_table_charges_what_the_default_budget_charges() {
        let own = own_cost_params().unwrap();
        let probes = [
            (ContractCostType::WasmInsnExec, None),
            (ContractCostType::MemCpy, Some(1000)),
            (ContractCostType::VmInstantiation, Some(500)),
            (ContractCostType::ComputeSha256Hash, Some(4096)),
            (ContractCostType::VerifyEd25519Sig, Some(64)),
        ];
        for (cost, input) in probes {
            let rebuilt =
                Budget::try_from_configs(u64::MAX, u64::MAX, own.cpu.clone(), own.memory.clone());
            let rebuilt = rebuilt.unwrap();
            rebuilt.charge(cost, input).unwrap();
            let built_in = charge(cost, input).unwrap();
            assert_eq!(rebuilt.get_cpu_insns_consumed().unwrap() as i64, built_in.cpu, "{cost:?}");
            assert_eq!(
                rebuilt.get_mem_bytes_consumed().unwrap() as i64,
                built_in.memory,
                "{cost:?}"
            );
        }
    }
}
