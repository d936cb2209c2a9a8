//! What a Soroban transaction pays, by the rules validators follow since protocol 23.

use crate::settings::Settings;
use soroban_env_host::fees::{
    LedgerEntryRentChange, TransactionResources, compute_rent_fee, compute_transaction_resource_fee,
};
use soroban_env_host::xdr::{
    LedgerKey, OperationBody, SorobanTransactionData, SorobanTransactionDataExt,
};

/// Stroops. The refundable part starts as what the declared resource fee leaves over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredFees {
    pub non_refundable: i64,
    pub max_refundable: i64,
}

pub fn declared_fees(
    settings: &Settings,
    operation: &OperationBody,
    data: &SorobanTransactionData,
    transaction_size_bytes: u32,
) -> DeclaredFees {
    let resources = declared_resources(operation, data, transaction_size_bytes);
    let (non_refundable, _) =
        compute_transaction_resource_fee(&resources, &settings.network.fee_configuration);
    DeclaredFees {
        non_refundable,
        max_refundable: data.resource_fee.saturating_sub(non_refundable),
    }
}

/// Events and rent that were really used. `events_bytes` counts contract events and the returned value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsedFees {
    pub refundable: i64,
    pub rent: i64,
}

pub fn used_fees(
    settings: &Settings,
    events_bytes: u32,
    rent_changes: &[LedgerEntryRentChange],
    sequence: u32,
) -> UsedFees {
    let network = &settings.network;
    let rent = compute_rent_fee(rent_changes, &network.rent_fee_configuration, sequence);
    let resources =
        TransactionResources { contract_events_size_bytes: events_bytes, ..no_resources() };
    let (_, events) = compute_transaction_resource_fee(&resources, &network.fee_configuration);
    UsedFees { refundable: rent.saturating_add(events), rent }
}

fn declared_resources(
    operation: &OperationBody,
    data: &SorobanTransactionData,
    transaction_size_bytes: u32,
) -> TransactionResources {
    let resources = &data.resources;
    TransactionResources {
        instructions: resources.instructions,
        disk_read_entries: disk_reads(operation, data),
        write_entries: resources.footprint.read_write.len() as u32,
        disk_read_bytes: resources.disk_read_bytes,
        write_bytes: resources.write_bytes,
        contract_events_size_bytes: 0,
        transaction_size_bytes,
    }
}

/// Contract entries live in memory, unless they are archived; classic ones are on disk.
fn disk_reads(operation: &OperationBody, data: &SorobanTransactionData) -> u32 {
    let footprint = &data.resources.footprint;
    if matches!(operation, OperationBody::RestoreFootprint(_)) {
        return footprint.read_write.len() as u32;
    }
    let keys = footprint.read_only.iter().chain(footprint.read_write.iter());
    let classic =
        keys.filter(|k| !matches!(k, LedgerKey::ContractData(_) | LedgerKey::ContractCode(_)));
    (classic.count() + archived_indices(data).len()) as u32
}

/// Positions in the read-write footprint that the transaction asks to have restored.
pub fn archived_indices(data: &SorobanTransactionData) -> &[u32] {
    match &data.ext {
        SorobanTransactionDataExt::V0 => &[],
        SorobanTransactionDataExt::V1(ext) => ext.archived_soroban_entries.as_slice(),
    }
}

fn no_resources() -> TransactionResources {
    TransactionResources {
        instructions: 0,
        disk_read_entries: 0,
        write_entries: 0,
        disk_read_bytes: 0,
        write_bytes: 0,
        contract_events_size_bytes: 0,
        transaction_size_bytes: 0,
    }
}
