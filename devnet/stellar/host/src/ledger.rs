//! The ledger entries the host was given, and how the Soroban host reads them.

use crate::wire::HostEntry;
use sha2::{Digest, Sha256};
use soroban_env_host::ledger_info::get_key_durability;
use soroban_env_host::storage::{EntryWithLiveUntil, SnapshotSource};
use soroban_env_host::xdr::{
    ContractDataDurability, Hash, LedgerEntry, LedgerKey, ReadXdr, TtlEntry, WriteXdr,
};
use soroban_env_host::{DEFAULT_XDR_RW_LIMITS, HostError};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A LedgerEntry in XDR. `live_until` is set for contract data and code, and only for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub entry: Vec<u8>,
    pub live_until: Option<u32>,
}

/// Entries by the XDR of their LedgerKey.
#[derive(Clone, Debug, Default)]
pub struct Store(BTreeMap<Vec<u8>, Stored>);

impl Store {
    pub fn put(&mut self, change: HostEntry) {
        match change.entry {
            Some(entry) => {
                let stored = Stored { entry: entry.0, live_until: change.live_until_ledger };
                self.0.insert(change.key.0, stored);
            }
            None => {
                self.0.remove(&change.key.0);
            }
        }
    }

    pub fn get(&self, key: &[u8]) -> Option<&Stored> {
        self.0.get(key)
    }
}

pub fn encode(value: &impl WriteXdr) -> Result<Vec<u8>, String> {
    value.to_xdr(DEFAULT_XDR_RW_LIMITS).map_err(|e| format!("cannot write XDR: {e}"))
}

pub fn decode<T: ReadXdr>(bytes: &[u8]) -> Result<T, String> {
    T::from_xdr(bytes, DEFAULT_XDR_RW_LIMITS).map_err(|e| format!("cannot read XDR: {e}"))
}

pub fn is_persistent(key: &LedgerKey) -> bool {
    get_key_durability(key) == Some(ContractDataDurability::Persistent)
}

/// How an entry stands at a ledger. An expired temporary entry counts as absent everywhere; an expired
/// persistent one is archived and has to be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    Live,
    Archived,
    Gone,
}

pub fn liveness(key: &LedgerKey, live_until: Option<u32>, sequence: u32) -> Liveness {
    match live_until {
        Some(until) if until < sequence && is_persistent(key) => Liveness::Archived,
        Some(until) if until < sequence => Liveness::Gone,
        _ => Liveness::Live,
    }
}

/// The TTL entry of a key, as a validator hands it to the host.
pub fn ttl_entry(key: &[u8], live_until: u32) -> TtlEntry {
    TtlEntry { key_hash: Hash(Sha256::digest(key).into()), live_until_ledger_seq: live_until }
}

/// The store as it stands at `sequence`. Archived entries are shown, so that simulation can restore them.
pub struct Snapshot {
    pub store: Rc<Store>,
    pub sequence: u32,
}

impl SnapshotSource for Snapshot {
    fn get(&self, key: &Rc<LedgerKey>) -> Result<Option<EntryWithLiveUntil>, HostError> {
        let key_bytes = key.to_xdr(DEFAULT_XDR_RW_LIMITS)?;
        let Some(stored) = self.store.get(&key_bytes) else { return Ok(None) };
        if liveness(key, stored.live_until, self.sequence) == Liveness::Gone {
            return Ok(None);
        }
        let entry = LedgerEntry::from_xdr(&stored.entry, DEFAULT_XDR_RW_LIMITS)?;
        Ok(Some((Rc::new(entry), stored.live_until)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Blob;
    use soroban_env_host::xdr::{ContractId, LedgerKeyContractData, ScAddress, ScVal};

    fn data_key(durability: ContractDataDurability) -> LedgerKey {
        LedgerKey::ContractData(LedgerKeyContractData {
            contract: ScAddress::Contract(ContractId(Hash([1; 32]))),
            key: ScVal::U32(1),
            durability,
        })
    }

    #[test]
    fn a_temporary_entry_is_gone_the_ledger_after_its_last() {
        let key = data_key(ContractDataDurability::Temporary);
        assert_eq!(liveness(&key, Some(10), 10), Liveness::Live);
        assert_eq!(liveness(&key, Some(10), 11), Liveness::Gone);
    }

    #[test]
    fn a_persistent_entry_is_archived_the_ledger_after_its_last() {
        let key = data_key(ContractDataDurability::Persistent);
        assert_eq!(liveness(&key, Some(10), 10), Liveness::Live);
        assert_eq!(liveness(&key, Some(10), 11), Liveness::Archived);
    }

    #[test]
    fn putting_a_null_entry_deletes() {
        let mut store = Store::default();
        let entry = |entry| HostEntry { key: Blob(vec![1]), entry, live_until_ledger: None };
        store.put(entry(Some(Blob(vec![2]))));
        assert!(store.get(&[1]).is_some());
        store.put(entry(None));
        assert!(store.get(&[1]).is_none());
    }
}
