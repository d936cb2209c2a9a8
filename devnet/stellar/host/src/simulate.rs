//! Simulation, as RPC servers do it.

use crate::ledger::{Snapshot, Store};
use crate::settings::Settings;
use crate::wire::{AuthMode, SimulateRequest, Xdr, xdr_list};
use serde::Serialize;
use soroban_env_host::LedgerInfo;
use soroban_env_host::e2e_invoke::RecordingInvocationAuthMode;
use soroban_env_host::xdr::{
    ContractEvent, DiagnosticEvent, ExtendFootprintTtlOp, InvokeHostFunctionOp, LedgerEntry,
    LedgerFootprint, LedgerKey, OperationBody, ScVal, SorobanAuthorizationEntry,
    SorobanTransactionData,
};
use soroban_simulation::simulation::{
    LedgerEntryDiff, RestoreOpSimulationResult, SimulationAdjustmentConfig, simulate_extend_ttl_op,
    simulate_invoke_host_function_op, simulate_restore_op,
};
use soroban_simulation::{AutoRestoringSnapshotSource, NetworkConfig};
use std::rc::Rc;

#[derive(Serialize)]
#[serde(untagged)]
pub enum SimulateAnswer {
    Simulated(Box<Simulated>),
    Failed(SimulationFailed),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Simulated {
    ok: bool,
    transaction_data: Xdr<SorobanTransactionData>,
    min_resource_fee: String,
    result: Option<Xdr<ScVal>>,
    auth: Vec<Xdr<SorobanAuthorizationEntry>>,
    contract_events: Vec<Xdr<ContractEvent>>,
    diagnostic_events: Vec<Xdr<DiagnosticEvent>>,
    cpu_instructions: u32,
    memory_bytes: u32,
    restore_preamble: Option<RestorePreamble>,
    state_changes: Vec<StateChange>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulationFailed {
    ok: bool,
    error: String,
    diagnostic_events: Vec<Xdr<DiagnosticEvent>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestorePreamble {
    transaction_data: Xdr<SorobanTransactionData>,
    min_resource_fee: String,
}

#[derive(Serialize)]
struct StateChange {
    key: Xdr<LedgerKey>,
    before: Option<Xdr<LedgerEntry>>,
    after: Option<Xdr<LedgerEntry>>,
}

/// Where and under which rules a simulation runs.
struct Scene<'a> {
    snapshot: Rc<Snapshot>,
    network: &'a NetworkConfig,
    ledger_info: LedgerInfo,
    adjustment: SimulationAdjustmentConfig,
}

/// `Err` is a mistake of the caller; a contract that fails is a `SimulateAnswer::Failed`.
pub fn simulate(
    store: Rc<Store>,
    settings: &Settings,
    request: SimulateRequest,
) -> Result<SimulateAnswer, String> {
    let snapshot = Rc::new(Snapshot { store, sequence: request.ledger.sequence });
    let mut adjustment = SimulationAdjustmentConfig::default_adjustment();
    let leeway = &mut adjustment.instructions.additive_factor;
    *leeway = (*leeway).max(request.instruction_leeway);
    let ledger_info = settings.ledger_info(request.ledger);
    let scene = Scene { snapshot, network: &settings.network, ledger_info, adjustment };

    let footprint = request.transaction_data.as_ref().map(|data| &data.0.resources.footprint);
    let outcome = match &request.operation.0 {
        OperationBody::InvokeHostFunction(op) => invoke(&scene, op, &request),
        OperationBody::ExtendFootprintTtl(op) => {
            extend_ttl(&scene, op, footprint.ok_or("the footprint to extend is missing")?)
        }
        OperationBody::RestoreFootprint(_) => {
            restore(&scene, footprint.ok_or("the footprint to restore is missing")?)
        }
        other => return Err(format!("not a Soroban operation: {}", other.name())),
    };
    Ok(outcome.unwrap_or_else(|error| failed(format!("{error:?}"), &[])))
}

fn invoke(
    scene: &Scene,
    op: &InvokeHostFunctionOp,
    request: &SimulateRequest,
) -> anyhow::Result<SimulateAnswer> {
    let recording =
        |root_only| RecordingInvocationAuthMode::recording(root_only, request.use_upgraded_auth);
    let auth_mode = match request.auth_mode {
        AuthMode::Enforce => RecordingInvocationAuthMode::Enforcing(op.auth.to_vec()),
        AuthMode::Record => recording(true),
        AuthMode::RecordAllowNonroot => recording(false),
    };
    let simulated = simulate_invoke_host_function_op(
        scene.snapshot.clone(),
        scene.network,
        &scene.adjustment,
        &scene.ledger_info,
        op.host_function.clone(),
        auth_mode,
        &request.source.0,
        request.seed,
        true,
    )?;
    let (value, data) = match (simulated.invoke_result, simulated.transaction_data) {
        (Ok(value), Some(data)) => (value, data),
        (Err(error), _) => return Ok(failed(format!("{error:?}"), &simulated.diagnostic_events)),
        (Ok(_), None) => anyhow::bail!("the simulation succeeded without transaction data"),
    };
    Ok(SimulateAnswer::Simulated(Box::new(Simulated {
        result: Some(Xdr(value)),
        auth: xdr_list(&simulated.auth),
        contract_events: xdr_list(&simulated.contract_events),
        diagnostic_events: xdr_list(&simulated.diagnostic_events),
        cpu_instructions: simulated.simulated_instructions,
        memory_bytes: simulated.simulated_memory,
        state_changes: simulated.modified_entries.into_iter().filter_map(state_change).collect(),
        ..without_invocation(data, None)
    })))
}

/// Archived entries cannot be extended: the answer assumes they were restored first and says how.
fn extend_ttl(
    scene: &Scene,
    op: &ExtendFootprintTtlOp,
    footprint: &LedgerFootprint,
) -> anyhow::Result<SimulateAnswer> {
    let restored = AutoRestoringSnapshotSource::new(scene.snapshot.clone(), &scene.ledger_info)?;
    let keys = footprint.read_only.as_slice();
    let (network, adjustment) = (scene.network, &scene.adjustment);
    let extended = simulate_extend_ttl_op(
        &restored,
        network,
        adjustment,
        &scene.ledger_info,
        keys,
        op.extend_to,
    )?;
    let preamble = restored.simulate_restore_keys_op(network, adjustment, &scene.ledger_info)?;
    Ok(SimulateAnswer::Simulated(Box::new(without_invocation(extended.transaction_data, preamble))))
}

fn restore(scene: &Scene, footprint: &LedgerFootprint) -> anyhow::Result<SimulateAnswer> {
    let restored = simulate_restore_op(
        scene.snapshot.as_ref(),
        scene.network,
        &scene.adjustment,
        &scene.ledger_info,
        footprint.read_write.as_slice(),
    )?;
    Ok(SimulateAnswer::Simulated(Box::new(without_invocation(restored.transaction_data, None))))
}

fn without_invocation(
    data: SorobanTransactionData,
    preamble: Option<RestoreOpSimulationResult>,
) -> Simulated {
    let restore_preamble = preamble.map(|restore| RestorePreamble {
        min_resource_fee: restore.transaction_data.resource_fee.to_string(),
        transaction_data: Xdr(restore.transaction_data),
    });
    Simulated {
        ok: true,
        min_resource_fee: data.resource_fee.to_string(),
        transaction_data: Xdr(data),
        result: None,
        auth: vec![],
        contract_events: vec![],
        diagnostic_events: vec![],
        cpu_instructions: 0,
        memory_bytes: 0,
        restore_preamble,
        state_changes: vec![],
    }
}

fn state_change(diff: LedgerEntryDiff) -> Option<StateChange> {
    let key = diff.state_after.as_ref().or(diff.state_before.as_ref())?.to_key();
    Some(StateChange {
        key: Xdr(key),
        before: diff.state_before.map(Xdr),
        after: diff.state_after.map(Xdr),
    })
}

fn failed(error: String, diagnostic_events: &[DiagnosticEvent]) -> SimulateAnswer {
    let diagnostic_events = xdr_list(diagnostic_events);
    SimulateAnswer::Failed(SimulationFailed { ok: false, error, diagnostic_events })
}
