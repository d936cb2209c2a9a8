//! The JSON that crosses the module's boundary. `soroban-host.ts` says what each field means; the names
//! here are the same in snake case.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use soroban_env_host::DEFAULT_XDR_RW_LIMITS;
use soroban_env_host::xdr::{AccountId, OperationBody, ReadXdr, SorobanTransactionData, WriteXdr};

/// Bytes as base64 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Blob).map_err(|e| D::Error::custom(format!("not base64: {e}")))
    }
}

/// An XDR value as base64 text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Xdr<T>(pub T);

impl<T: WriteXdr> Serialize for Xdr<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.0.to_xdr(DEFAULT_XDR_RW_LIMITS).map_err(serde::ser::Error::custom)?;
        Blob(bytes).serialize(serializer)
    }
}

impl<'de, T: ReadXdr> Deserialize<'de> for Xdr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Blob::deserialize(deserializer)?.0;
        T::from_xdr(bytes, DEFAULT_XDR_RW_LIMITS).map(Xdr).map_err(|e| {
            let name = core::any::type_name::<T>().rsplit("::").next().unwrap_or("value");
            D::Error::custom(format!("not the XDR of a {name}: {e}"))
        })
    }
}

pub fn xdr_list<T: Clone>(values: &[T]) -> Vec<Xdr<T>> {
    values.iter().cloned().map(Xdr).collect()
}

pub type Seed = [u8; 32];

/// Reads a field of exactly 32 bytes: a seed, a network id.
pub fn bytes32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
    let bytes = Blob::deserialize(deserializer)?.0;
    bytes
        .try_into()
        .map_err(|b: Vec<u8>| D::Error::custom(format!("want 32 bytes, got {}", b.len())))
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HostEntry {
    pub key: Blob,
    pub entry: Option<Blob>,
    pub live_until_ledger: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HostLedger {
    pub sequence: u32,
    pub close_time_s: u64,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    Record,
    RecordAllowNonroot,
    Enforce,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SimulateRequest {
    pub ledger: HostLedger,
    pub operation: Xdr<OperationBody>,
    pub source: Xdr<AccountId>,
    pub transaction_data: Option<Xdr<SorobanTransactionData>>,
    pub auth_mode: AuthMode,
    #[serde(default)]
    pub use_upgraded_auth: bool,
    #[serde(default)]
    pub instruction_leeway: u32,
    #[serde(deserialize_with = "bytes32")]
    pub seed: Seed,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplyRequest {
    pub ledger: HostLedger,
    pub operation: Xdr<OperationBody>,
    pub source: Xdr<AccountId>,
    pub transaction_data: Xdr<SorobanTransactionData>,
    pub transaction_size_bytes: u32,
    #[serde(deserialize_with = "bytes32")]
    pub seed: Seed,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceRequest {
    pub operation: Xdr<OperationBody>,
    pub transaction_data: Xdr<SorobanTransactionData>,
    pub transaction_size_bytes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use soroban_env_host::xdr::ScVal;

    #[test]
    fn an_xdr_value_survives_the_round_trip() {
        let text = serde_json::to_string(&Xdr(ScVal::U32(7))).unwrap();
        assert_eq!(text, "\"AAAAAwAAAAc=\"");
        assert_eq!(serde_json::from_str::<Xdr<ScVal>>(&text).unwrap(), Xdr(ScVal::U32(7)));
    }

    #[test]
    fn trailing_bytes_after_an_xdr_value_are_refused() {
        let error = serde_json::from_str::<Xdr<ScVal>>("\"AAAAAwAAAAcAAAAA\"").unwrap_err();
        assert!(error.to_string().contains("not the XDR of a ScVal"), "{error}");
    }

    #[test]
    fn a_seed_of_another_length_is_refused() {
        #[derive(Debug, Deserialize)]
        struct Seeded {
            #[serde(deserialize_with = "bytes32")]
            #[allow(dead_code)]
            seed: Seed,
        }
        let error = serde_json::from_str::<Seeded>(r#"{"seed":"AAAA"}"#).unwrap_err();
        assert!(error.to_string().contains("want 32 bytes, got 3"), "{error}");
    }
}
