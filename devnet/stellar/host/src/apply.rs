//! Applying an operation, as validators do it. The store is only read: what would change is returned.

use crate::fees::{DeclaredFees, UsedFees, declared_fees};
use crate::ledger::Store;
use crate::modules::Modules;
use crate::settings::Settings;
use crate::wire::{ApplyRequest, Blob, HostEntry, Xdr};
use crate::{invoke, ttl};
use serde::Serialize;
use soroban_env_host::xdr::{DiagnosticEvent, OperationBody};

#[derive(Serialize)]
#[serde(untagged)]
pub enum ApplyAnswer {
    Applied(Box<Applied>),
    Failed(Box<ApplyFailed>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    ok: bool,
    result: Option<Blob>,
    contract_events: Vec<Blob>,
    diagnostic_events: Vec<Xdr<DiagnosticEvent>>,
    changes: Vec<HostEntry>,
    cpu_instructions: u64,
    non_refundable_fee: i64,
    refundable_fee: i64,
    rent_fee: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyFailed {
    ok: bool,
    code: FailureCode,
    error: String,
    diagnostic_events: Vec<Xdr<DiagnosticEvent>>,
    cpu_instructions: u64,
    non_refundable_fee: i64,
}

/// The operation result code a network would give. `Malformed` is what it refuses before applying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureCode {
    Trapped,
    ResourceLimitExceeded,
    EntryArchived,
    InsufficientRefundableFee,
    Malformed,
}

#[derive(Debug)]
pub struct Failure {
    pub code: FailureCode,
    pub error: String,
}

impl Failure {
    pub fn new(code: FailureCode, error: impl Into<String>) -> Self {
        Failure { code, error: error.into() }
    }
}

/// A broken store or settings: nothing the operation could be blamed for, but it must not pass.
impl From<String> for Failure {
    fn from(error: String) -> Self {
        Failure::new(FailureCode::Trapped, error)
    }
}

/// What an operation did, before its fees are held against the declared ones.
pub struct Effects {
    pub result: Option<Vec<u8>>,
    pub contract_events: Vec<Vec<u8>>,
    pub changes: Vec<HostEntry>,
    pub fees: UsedFees,
}

/// Measured also when the operation fails.
#[derive(Default)]
pub struct Trace {
    pub diagnostic_events: Vec<DiagnosticEvent>,
    pub cpu_instructions: u64,
}

/// Where an operation is applied.
pub struct Scene<'a> {
    pub store: &'a Store,
    pub settings: &'a Settings,
    pub modules: &'a Modules,
    pub request: &'a ApplyRequest,
}

/// `Err` is a mistake of the caller; an operation that fails is an `ApplyAnswer::Failed`.
pub fn apply(scene: &Scene) -> Result<ApplyAnswer, String> {
    let request = scene.request;
    let data = &request.transaction_data.0;
    let operation = &request.operation.0;
    let declared = declared_fees(scene.settings, operation, data, request.transaction_size_bytes);
    let mut trace = Trace::default();
    let effects = match operation {
        OperationBody::InvokeHostFunction(op) => invoke::apply(scene, op, &mut trace),
        OperationBody::ExtendFootprintTtl(op) => ttl::extend(scene, op),
        OperationBody::RestoreFootprint(_) => ttl::restore(scene),
        other => return Err(format!("not a Soroban operation: {}", other.name())),
    };
    let paid = effects.and_then(|effects| affordable(effects, declared));
    Ok(answer(paid, declared, trace))
}

fn affordable(effects: Effects, declared: DeclaredFees) -> Result<Effects, Failure> {
    if effects.fees.refundable <= declared.max_refundable {
        return Ok(effects);
    }
    let (used, left) = (effects.fees.refundable, declared.max_refundable);
    let error = format!("rent and events cost {used} stroops, the declared fee leaves {left}");
    Err(Failure::new(FailureCode::InsufficientRefundableFee, error))
}

fn answer(outcome: Result<Effects, Failure>, declared: DeclaredFees, trace: Trace) -> ApplyAnswer {
    let diagnostic_events = trace.diagnostic_events.into_iter().map(Xdr).collect();
    match outcome {
        Ok(effects) => ApplyAnswer::Applied(Box::new(Applied {
            ok: true,
            result: effects.result.map(Blob),
            contract_events: effects.contract_events.into_iter().map(Blob).collect(),
            diagnostic_events,
            changes: effects.changes,
            cpu_instructions: trace.cpu_instructions,
            non_refundable_fee: declared.non_refundable,
            refundable_fee: effects.fees.refundable,
            rent_fee: effects.fees.rent,
        })),
        Err(failure) => ApplyAnswer::Failed(Box::new(ApplyFailed {
            ok: false,
            code: failure.code,
            error: failure.error,
            diagnostic_events,
            cpu_instructions: trace.cpu_instructions,
            non_refundable_fee: declared.non_refundable,
        })),
    }
}
