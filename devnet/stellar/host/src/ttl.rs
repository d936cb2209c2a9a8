//! Applying ExtendFootprintTTL and RestoreFootprint. Neither runs a contract: they only buy time for
//! entries, so all there is to do is the rent.

use crate::apply::{Effects, Failure, FailureCode, Scene};
use crate::fees::used_fees;
use crate::ledger::{Liveness, Stored, decode, encode, is_persistent, liveness};
use crate::wire::{Blob, HostEntry};
use soroban_env_host::e2e_invoke::entry_size_for_rent;
use soroban_env_host::fees::LedgerEntryRentChange;
use soroban_env_host::ledger_info::get_key_durability;
use soroban_env_host::xdr::{ExtendFootprintTtlOp, LedgerEntry, LedgerKey};

/// Missing and archived entries are skipped, as are those that live long enough.
pub fn extend(scene: &Scene, op: &ExtendFootprintTtlOp) -> Result<Effects, Failure> {
    let footprint = &scene.request.transaction_data.0.resources.footprint;
    if !footprint.read_write.is_empty() {
        return malformed("the read-write footprint of an extension must be empty");
    }
    if footprint.read_only.iter().any(|key| get_key_durability(key).is_none()) {
        return malformed("only contract data and code can be extended");
    }
    if op.extend_to > scene.settings.network.max_entry_ttl.saturating_sub(1) {
        return malformed("the extension is longer than the network allows");
    }
    let sequence = scene.request.ledger.sequence;
    let live_until = sequence.saturating_add(op.extend_to);
    let mut renewals = Renewals::new(scene);
    for key in footprint.read_only.iter() {
        let key_bytes = encode(key)?;
        let Some(stored) = scene.store.get(&key_bytes) else { continue };
        let is_live = liveness(key, stored.live_until, sequence) == Liveness::Live;
        if is_live && stored.live_until < Some(live_until) {
            renewals.push(key, key_bytes, stored, Renewal { live_until, is_restored: false })?;
        }
    }
    Ok(renewals.finish())
}

/// Missing and live entries are skipped.
pub fn restore(scene: &Scene) -> Result<Effects, Failure> {
    let resources = &scene.request.transaction_data.0.resources;
    if !resources.footprint.read_only.is_empty() {
        return malformed("the read-only footprint of a restoration must be empty");
    }
    if !resources.footprint.read_write.iter().all(is_persistent) {
        return malformed("only persistent entries can be restored");
    }
    let sequence = scene.request.ledger.sequence;
    let live_until = scene.settings.restored_until(sequence);
    let mut renewals = Renewals::new(scene);
    let mut bytes = 0u32;
    for key in resources.footprint.read_write.iter() {
        let key_bytes = encode(key)?;
        let Some(stored) = scene.store.get(&key_bytes) else { continue };
        if liveness(key, stored.live_until, sequence) != Liveness::Archived {
            continue;
        }
        bytes = bytes.saturating_add(stored.entry.len() as u32);
        if bytes > resources.disk_read_bytes.min(resources.write_bytes) {
            let error =
                format!("{bytes} bytes are restored, fewer were declared as read or written");
            return Err(Failure::new(FailureCode::ResourceLimitExceeded, error));
        }
        renewals.push(key, key_bytes, stored, Renewal { live_until, is_restored: true })?;
    }
    Ok(renewals.finish())
}

struct Renewal {
    live_until: u32,
    is_restored: bool,
}

/// Entries that live longer after the operation, and the rent for it.
struct Renewals<'a> {
    scene: &'a Scene<'a>,
    changes: Vec<HostEntry>,
    rent: Vec<LedgerEntryRentChange>,
}

impl<'a> Renewals<'a> {
    fn new(scene: &'a Scene<'a>) -> Self {
        Renewals { scene, changes: vec![], rent: vec![] }
    }

    fn push(
        &mut self,
        key: &LedgerKey,
        key_bytes: Vec<u8>,
        stored: &Stored,
        renewal: Renewal,
    ) -> Result<(), Failure> {
        let entry: LedgerEntry = decode(&stored.entry)?;
        // The size of contract code is that of the parsed module, which takes a budget to compute.
        let budget = self.scene.settings.transaction_budget(u32::MAX)?;
        let size = entry_size_for_rent(&budget, &entry, stored.entry.len() as u32)
            .map_err(|e| format!("{e:?}"))?;
        let before = if renewal.is_restored { None } else { stored.live_until };
        self.rent.push(LedgerEntryRentChange {
            is_persistent: is_persistent(key),
            is_code_entry: matches!(key, LedgerKey::ContractCode(_)),
            old_size_bytes: before.map_or(0, |_| size),
            new_size_bytes: size,
            old_live_until_ledger: before.unwrap_or(0),
            new_live_until_ledger: renewal.live_until,
        });
        self.changes.push(HostEntry {
            key: Blob(key_bytes),
            entry: Some(Blob(stored.entry.clone())),
            live_until_ledger: Some(renewal.live_until),
        });
        Ok(())
    }

    fn finish(self) -> Effects {
        let sequence = self.scene.request.ledger.sequence;
        let fees = used_fees(self.scene.settings, 0, &self.rent, sequence);
        Effects { result: None, contract_events: vec![], changes: self.changes, fees }
    }
}

fn malformed(why: &str) -> Result<Effects, Failure> {
    Err(Failure::new(FailureCode::Malformed, why))
}
