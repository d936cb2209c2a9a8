//! The Soroban host as one WebAssembly module without imports.
//!
//! `abi` is the boundary: `alloc(len)` gives room for a request, `run(op, ptr, len)` takes it as JSON
//! and answers with `ptr << 32 | len` of JSON that the caller gives back with `free(ptr, len)`. The
//! answer is `{"answer": ...}`, or `{"refused": "why"}` when the request itself was wrong. A panic is a
//! trap; then `last_panic()` still tells what happened, and nothing else of the instance may be used
//! again.
//!
//! `soroban-host.ts` is the other side and says what requests and answers mean.

#[cfg(target_family = "wasm")]
mod abi;
mod apply;
mod fees;
mod invoke;
mod ledger;
mod modules;
mod settings;
mod simulate;
mod ttl;
mod wire;

use ledger::Store;
use modules::Modules;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use settings::{HostSettings, PROTOCOL_VERSION, Settings};
use std::cell::RefCell;
use std::rc::Rc;
use wire::{ApplyRequest, HostEntry, PriceRequest, SimulateRequest};

/// `op` of `run`.
mod op {
    pub const DESCRIBE: u32 = 0;
    pub const CONFIGURE: u32 = 1;
    pub const PUT: u32 = 2;
    pub const SIMULATE: u32 = 3;
    pub const APPLY: u32 = 4;
    pub const PRICE: u32 = 5;
}

#[derive(Default)]
struct Chain {
    store: Rc<Store>,
    settings: Option<Settings>,
    modules: Option<Modules>,
}

impl Chain {
    fn dispatch(&mut self, op: u32, request: &[u8]) -> Result<Value, String> {
        match op {
            op::DESCRIBE => Ok(json!({ "protocolVersion": PROTOCOL_VERSION })),
            op::CONFIGURE => {
                self.settings = Some(parse::<HostSettings>(request)?.try_into()?);
                Ok(Value::Null)
            }
            op::PUT => {
                let store = Rc::make_mut(&mut self.store);
                parse::<Vec<HostEntry>>(request)?.into_iter().for_each(|entry| store.put(entry));
                Ok(Value::Null)
            }
            op::SIMULATE => {
                let request: SimulateRequest = parse(request)?;
                to_value(simulate::simulate(self.store.clone(), self.settings()?, request)?)
            }
            op::APPLY => {
                let request: ApplyRequest = parse(request)?;
                if self.modules.is_none() {
                    self.modules = Some(Modules::new()?);
                }
                let modules = self.modules.as_ref().ok_or("no module cache")?;
                let (store, settings) = (self.store.as_ref(), self.settings()?);
                let scene = apply::Scene { store, settings, modules, request: &request };
                to_value(apply::apply(&scene)?)
            }
            op::PRICE => {
                let request: PriceRequest = parse(request)?;
                let (operation, data) = (&request.operation.0, &request.transaction_data.0);
                let size = request.transaction_size_bytes;
                let declared = fees::declared_fees(self.settings()?, operation, data, size);
                Ok(json!({ "nonRefundableFee": declared.non_refundable }))
            }
            _ => Err(format!("unknown operation {op}")),
        }
    }

    fn settings(&self) -> Result<&Settings, String> {
        self.settings.as_ref().ok_or_else(|| "the host was not configured".into())
    }
}

fn parse<T: DeserializeOwned>(request: &[u8]) -> Result<T, String> {
    serde_json::from_slice(request).map_err(|e| format!("bad request: {e}"))
}

fn to_value(answer: impl serde::Serialize) -> Result<Value, String> {
    serde_json::to_value(answer).map_err(|e| format!("cannot write the answer: {e}"))
}

/// What `run` returns, as JSON text.
pub fn answer(op: u32, request: &[u8]) -> Vec<u8> {
    let outcome = CHAIN.with(|chain| chain.borrow_mut().dispatch(op, request));
    let answer = match outcome {
        Ok(answer) => json!({ "answer": answer }),
        Err(why) => json!({ "refused": why }),
    };
    answer.to_string().into_bytes()
}

thread_local! {
    static CHAIN: RefCell<Chain> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(op: u32, request: &str) -> Value {
        serde_json::from_slice(&answer(op, request.as_bytes())).unwrap()
    }

    #[test]
    fn an_unknown_operation_is_refused() {
        assert_eq!(ask(99, "{}"), json!({ "refused": "unknown operation 99" }));
    }

    #[test]
    fn broken_json_is_refused() {
        let refused = ask(op::PUT, "[{");
        assert!(refused["refused"].as_str().unwrap().starts_with("bad request"), "{refused}");
    }

    #[test]
    fn simulating_before_configuring_is_refused() {
        let request = r#"{"ledger":{"sequence":1,"closeTimeS":1},"operation":"AAAAGgAAAAA=",
            "source":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","transactionData":null,
            "authMode":"record","seed":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#;
        assert_eq!(ask(op::SIMULATE, request), json!({ "refused": "the host was not configured" }));
    }
}
