//! Parsed contracts. Simulation does not charge a contract's parsing to the transaction and expects
//! that a validator has it parsed already, so applying has to find it here.

use crate::ledger::decode;
use crate::settings::PROTOCOL_VERSION;
use soroban_env_host::budget::{AsBudget, Budget};
use soroban_env_host::xdr::{ContractCostParams, LedgerEntry, LedgerEntryData, LedgerKey, VecM};
use soroban_env_host::{CompilationContext, Error, ErrorHandler, HostError, ModuleCache, Val};

pub struct Modules {
    cache: ModuleCache,
    context: Unmetered,
}

impl Modules {
    pub fn new() -> Result<Self, String> {
        let context = Unmetered::new().map_err(|e| format!("{e:?}"))?;
        let cache = ModuleCache::new(&context).map_err(|e| format!("{e:?}"))?;
        Ok(Modules { cache, context })
    }

    /// A handle on the one shared cache.
    pub fn cache(&self) -> ModuleCache {
        self.cache.clone()
    }

    /// Parses the contract of a code key, once. Other keys are nothing to do.
    pub fn warm(&self, key: &LedgerKey, entry: &[u8]) -> Result<(), String> {
        let LedgerKey::ContractCode(code_key) = key else { return Ok(()) };
        if self.cache.contains_module(&code_key.hash).map_err(|e| format!("{e:?}"))? {
            return Ok(());
        }
        let LedgerEntryData::ContractCode(code) = decode::<LedgerEntry>(entry)?.data else {
            return Err("a contract code key without contract code".into());
        };
        self.cache
            .parse_and_cache_module_simple(&self.context, PROTOCOL_VERSION, code.code.as_slice())
            .map_err(|e| format!("{e:?}"))
    }
}

/// Parsing for the cache belongs to no transaction, hence a budget without limits or costs.
#[derive(Clone)]
struct Unmetered(Budget);

impl Unmetered {
    fn new() -> Result<Self, HostError> {
        let free = || ContractCostParams(VecM::default());
        Budget::try_from_configs(u64::MAX, u64::MAX, free(), free()).map(Unmetered)
    }
}

impl CompilationContext for Unmetered {}

impl AsBudget for Unmetered {
    fn as_budget(&self) -> &Budget {
        &self.0
    }
}

impl ErrorHandler for Unmetered {
    fn map_err<T, E>(&self, result: Result<T, E>) -> Result<T, HostError>
    where
        Error: From<E>,
        E: core::fmt::Debug,
    {
        result.map_err(HostError::from)
    }

    fn error(&self, error: Error, _message: &str, _args: &[Val]) -> HostError {
        HostError::from(error)
    }
}
