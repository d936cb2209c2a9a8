//! A price oracle with the SEP-40 interface for a local chain. Its one admin says what prices are:
//! nothing to rely on anywhere else.
#![no_std]

#[cfg(test)]
mod test;

use soroban_sdk::{
    Address, Env, Symbol, Vec, contract, contracterror, contractimpl, contracttype, panic_with_error,
};

/// Records kept per asset; older ones are dropped.
pub const MAX_RECORDS: u32 = 24;

const TTL_THRESHOLD_LEDGERS: u32 = 120_960;
const TTL_EXTEND_TO_LEDGERS: u32 = 518_400;

/// What is priced: an asset of this chain by its contract, or anything else by a ticker.
#[contracttype]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Asset {
    Stellar(Address),
    Other(Symbol),
}

/// `price` in the base asset with the oracle's decimals, `timestamp` in seconds.
#[contracttype]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PriceData {
    pub price: i128,
    pub timestamp: u64,
}

#[contracttype]
enum DataKey {
    Admin,
    Base,
    Decimals,
    Resolution,
    Assets,
    Records(Asset),
}

#[contracterror]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Error {
    /// The price is zero or negative.
    PriceNotPositive = 1,
    /// The resolution is zero seconds.
    ResolutionZero = 2,
}

#[contract]
pub struct Oracle;

#[contractimpl]
impl Oracle {
    /// `resolution` in seconds: the time to which every record's timestamp is rounded down.
    pub fn __constructor(env: Env, admin: Address, base: Asset, decimals: u32, resolution: u32) {
        if resolution == 0 {
            panic_with_error!(&env, Error::ResolutionZero);
        }
        let storage = env.storage().instance();
        storage.set(&DataKey::Admin, &admin);
        storage.set(&DataKey::Base, &base);
        storage.set(&DataKey::Decimals, &decimals);
        storage.set(&DataKey::Resolution, &resolution);
        storage.set(&DataKey::Assets, &Vec::<Asset>::new(&env));
    }

    /// Makes `price` the last one of `asset`. Records of that time or later are forgotten, so that a
    /// test can turn the price old again. Only the admin may.
    pub fn set_price(env: Env, asset: Asset, price: i128, timestamp: u64) -> Result<(), Error> {
        if price <= 0 {
            return Err(Error::PriceNotPositive);
        }
        setting::<Address>(&env, &DataKey::Admin).require_auth();
        let timestamp = rounded(&env, timestamp);
        let mut records = records(&env, &asset);
        while records.last().is_some_and(|last| last.timestamp >= timestamp) {
            records.pop_back();
        }
        records.push_back(PriceData { price, timestamp });
        if records.len() > MAX_RECORDS {
            records.pop_front();
        }
        list(&env, &asset);
        let key = DataKey::Records(asset);
        let storage = env.storage();
        storage.persistent().set(&key, &records);
        storage.persistent().extend_ttl(&key, TTL_THRESHOLD_LEDGERS, TTL_EXTEND_TO_LEDGERS);
        storage.instance().extend_ttl(TTL_THRESHOLD_LEDGERS, TTL_EXTEND_TO_LEDGERS);
        Ok(())
    }

    /// The asset prices are expressed in.
    pub fn base(env: Env) -> Asset {
        setting(&env, &DataKey::Base)
    }

    /// All assets that ever had a price, the oldest first.
    pub fn assets(env: Env) -> Vec<Asset> {
        setting(&env, &DataKey::Assets)
    }

    /// Decimals of every price.
    pub fn decimals(env: Env) -> u32 {
        setting(&env, &DataKey::Decimals)
    }

    /// Seconds to which timestamps are rounded down.
    pub fn resolution(env: Env) -> u32 {
        setting(&env, &DataKey::Resolution)
    }

    /// The record of exactly this time, rounded down to the resolution.
    pub fn price(env: Env, asset: Asset, timestamp: u64) -> Option<PriceData> {
        let timestamp = rounded(&env, timestamp);
        records(&env, &asset).iter().find(|record| record.timestamp == timestamp)
    }

    /// The last `records` records, the newest first; none when the asset never had a price.
    pub fn prices(env: Env, asset: Asset, records: u32) -> Option<Vec<PriceData>> {
        let mut newest = Vec::new(&env);
        for record in self::records(&env, &asset).iter().rev().take(records as usize) {
            newest.push_back(record);
        }
        (!newest.is_empty()).then_some(newest)
    }

    /// The newest record, however old.
    pub fn lastprice(env: Env, asset: Asset) -> Option<PriceData> {
        records(&env, &asset).last()
    }
}

fn setting<T: soroban_sdk::TryFromVal<Env, soroban_sdk::Val>>(env: &Env, key: &DataKey) -> T {
    env.storage().instance().get(key).unwrap()
}

fn records(env: &Env, asset: &Asset) -> Vec<PriceData> {
    let key = DataKey::Records(asset.clone());
    env.storage().persistent().get(&key).unwrap_or_else(|| Vec::new(env))
}

fn list(env: &Env, asset: &Asset) {
    let mut assets: Vec<Asset> = setting(env, &DataKey::Assets);
    if assets.contains(asset) {
        return;
    }
    assets.push_back(asset.clone());
    env.storage().instance().set(&DataKey::Assets, &assets);
}

fn rounded(env: &Env, timestamp: u64) -> u64 {
    timestamp - timestamp % u64::from(setting::<u32>(env, &DataKey::Resolution))
}
