//! Applying InvokeHostFunction: footprint in, host call, changed entries out.

use crate::apply::{Effects, Failure, FailureCode, Scene, Trace};
use crate::fees::{archived_indices, used_fees};
use crate::ledger::{Liveness, Store, encode, is_persistent, liveness, ttl_entry};
use crate::settings::SizeLimits;
use crate::wire::{Blob, HostEntry};
use soroban_env_host::budget::Budget;
use soroban_env_host::e2e_invoke::{
    InvokeHostFunctionResult, LedgerEntryChange, extract_rent_changes, invoke_host_function,
};
use soroban_env_host::xdr::{
    InvokeHostFunctionOp, LedgerEntryType, LedgerKey, SorobanTransactionData,
};

pub fn apply(
    scene: &Scene,
    op: &InvokeHostFunctionOp,
    trace: &mut Trace,
) -> Result<Effects, Failure> {
    let request = scene.request;
    let data = &request.transaction_data.0;
    let inputs = read_footprint(scene, data)?;
    let budget = scene.settings.transaction_budget(data.resources.instructions)?;
    let called = call(scene, op, inputs, &budget, trace);
    trace.cpu_instructions = budget.get_cpu_insns_consumed().unwrap_or(0);
    let invoked = called.map_err(|error| blame(error, &budget, scene))?;

    let result =
        invoked.encoded_invoke_result.map_err(|e| blame(format!("{e:?}"), &budget, scene))?;
    check_writes(&invoked.ledger_changes, data, &scene.settings.size_limits)?;
    let events = invoked.encoded_contract_events;
    let events_bytes = events.iter().map(Vec::len).sum::<usize>();
    check_events(events_bytes, &scene.settings.size_limits)?;

    let rent_changes = extract_rent_changes(&invoked.ledger_changes);
    let priced_bytes = (events_bytes + result.len()) as u32;
    let sequence = request.ledger.sequence;
    let fees = used_fees(scene.settings, priced_bytes, &rent_changes, sequence);
    let changes = invoked.ledger_changes.into_iter();
    let changes = changes.filter_map(|c| changed_entry(c, scene.store, sequence)).collect();
    Ok(Effects { result: Some(result), contract_events: events, changes, fees })
}

/// Entries and their TTLs, pairwise; an entry without TTL has an empty one.
#[derive(Default)]
struct Inputs {
    entries: Vec<Vec<u8>>,
    ttls: Vec<Vec<u8>>,
    restored: Vec<u32>,
    disk_read_bytes: u32,
}

fn read_footprint(scene: &Scene, data: &SorobanTransactionData) -> Result<Inputs, Failure> {
    let footprint = &data.resources.footprint;
    let marked = archived_indices(data);
    let mut inputs = Inputs::default();
    for key in footprint.read_only.iter() {
        read_entry(scene, key, None, &mut inputs)?;
    }
    for (index, key) in footprint.read_write.iter().enumerate() {
        let index = index as u32;
        read_entry(scene, key, marked.contains(&index).then_some(index), &mut inputs)?;
    }
    if inputs.disk_read_bytes > data.resources.disk_read_bytes {
        let (used, declared) = (inputs.disk_read_bytes, data.resources.disk_read_bytes);
        let error = format!("{used} bytes are read from disk, {declared} were declared");
        return Err(Failure::new(FailureCode::ResourceLimitExceeded, error));
    }
    Ok(inputs)
}

/// `restorable` is the entry's position in the read-write footprint if it was marked as archived.
fn read_entry(
    scene: &Scene,
    key: &LedgerKey,
    restorable: Option<u32>,
    inputs: &mut Inputs,
) -> Result<(), Failure> {
    if restorable.is_some() && !is_persistent(key) {
        return Err(Failure::new(
            FailureCode::Malformed,
            "only persistent entries can be restored",
        ));
    }
    let key_bytes = encode(key)?;
    let Some(stored) = scene.store.get(&key_bytes) else { return Ok(()) };
    let sequence = scene.request.ledger.sequence;
    let entry_bytes = stored.entry.len() as u32;
    let live_until = match (liveness(key, stored.live_until, sequence), restorable) {
        (Liveness::Gone, _) => return Ok(()),
        (Liveness::Live, _) => stored.live_until,
        (Liveness::Archived, Some(index)) => {
            inputs.restored.push(index);
            inputs.disk_read_bytes += entry_bytes;
            Some(scene.settings.restored_until(sequence))
        }
        (Liveness::Archived, None) => {
            let error = format!("an entry of the footprint is archived: {key:?}");
            return Err(Failure::new(FailureCode::EntryArchived, error));
        }
    };
    if live_until.is_none() {
        inputs.disk_read_bytes += entry_bytes;
    }
    scene.modules.warm(key, &stored.entry)?;
    inputs.entries.push(stored.entry.clone());
    inputs.ttls.push(match live_until {
        Some(until) => encode(&ttl_entry(&key_bytes, until))?,
        None => Vec::new(),
    });
    Ok(())
}

fn call(
    scene: &Scene,
    op: &InvokeHostFunctionOp,
    inputs: Inputs,
    budget: &Budget,
    trace: &mut Trace,
) -> Result<InvokeHostFunctionResult, String> {
    let request = scene.request;
    let auth = op.auth.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
    invoke_host_function(
        budget,
        true,
        encode(&op.host_function)?,
        encode(&request.transaction_data.0.resources)?,
        &inputs.restored,
        encode(&request.source.0)?,
        auth.into_iter(),
        scene.settings.ledger_info(request.ledger),
        inputs.entries.into_iter(),
        inputs.ttls.into_iter(),
        request.seed.to_vec(),
        &mut trace.diagnostic_events,
        None,
        Some(scene.modules.cache()),
    )
    .map_err(|e| format!("{e:?}"))
}

/// A failed call is a trap, unless it ran out of what it declared.
fn blame(error: String, budget: &Budget, scene: &Scene) -> Failure {
    let declared = scene.request.transaction_data.0.resources.instructions;
    let memory_limit = scene.settings.network.tx_memory_limit;
    let cpu = budget.get_cpu_insns_consumed().unwrap_or(0);
    let memory = budget.get_mem_bytes_consumed().unwrap_or(0);
    let exceeded = cpu > declared.into() || memory > memory_limit.into();
    let code = if exceeded { FailureCode::ResourceLimitExceeded } else { FailureCode::Trapped };
    Failure::new(code, error)
}

fn check_writes(
    changes: &[LedgerEntryChange],
    data: &SorobanTransactionData,
    limits: &SizeLimits,
) -> Result<(), Failure> {
    let too_much = |error| Err(Failure::new(FailureCode::ResourceLimitExceeded, error));
    let mut written = 0u32;
    for change in changes {
        let Some(entry) = &change.encoded_new_value else { continue };
        let size = entry.len() as u32;
        written = written.saturating_add(size);
        let Some(ttl) = &change.ttl_change else { continue };
        let limit = match ttl.entry_type {
            LedgerEntryType::ContractCode => limits.max_contract_size_bytes,
            _ => limits.max_data_entry_size_bytes,
        };
        if limit.is_some_and(|limit| size > limit) {
            return too_much(format!(
                "a contract entry of {size} bytes is over the network's limit"
            ));
        }
    }
    let declared = data.resources.write_bytes;
    if written > declared {
        return too_much(format!("{written} bytes are written, {declared} were declared"));
    }
    Ok(())
}

fn check_events(bytes: usize, limits: &SizeLimits) -> Result<(), Failure> {
    if limits.tx_max_contract_events_size_bytes.is_none_or(|limit| bytes <= limit as usize) {
        return Ok(());
    }
    let error = format!("{bytes} bytes of events are over the network's limit");
    Err(Failure::new(FailureCode::ResourceLimitExceeded, error))
}

/// What the caller has to store, or nothing. A read-only entry can only have its life extended; a
/// read-write one that is not returned is deleted.
fn changed_entry(change: LedgerEntryChange, store: &Store, sequence: u32) -> Option<HostEntry> {
    let stored = store.get(&change.encoded_key);
    let live_until = change.ttl_change.as_ref().map(|ttl| ttl.new_live_until_ledger);
    let entry = match (change.encoded_new_value, change.read_only) {
        (Some(entry), _) => Some(modified_at(entry, sequence)),
        (None, false) => {
            stored?;
            None
        }
        (None, true) => {
            let stored = stored?;
            if live_until <= stored.live_until {
                return None;
            }
            Some(stored.entry.clone())
        }
    };
    let live_until_ledger = live_until.filter(|_| entry.is_some());
    Some(HostEntry { key: Blob(change.encoded_key), entry: entry.map(Blob), live_until_ledger })
}

/// A LedgerEntry starts with the ledger that last modified it, which the host leaves to its embedder.
fn modified_at(mut entry: Vec<u8>, sequence: u32) -> Vec<u8> {
    entry[..4].copy_from_slice(&sequence.to_be_bytes());
    entry
}
