//! Receives payments for orders, keeps them, and lets anyone move them to the one treasury fixed when
//! the contract was created.
//!
//! There is no owner and no way to change anything: whoever runs the shop can do here only what every
//! other address can do as well.
#![no_std]

#[cfg(test)]
mod test;

use soroban_sdk::{
    Address, Bytes, Env, Symbol, contract, contracterror, contractevent, contractimpl,
    symbol_short, token::TokenClient,
};

/// An order id is 1 to 64 bytes.
pub const MAX_ORDER_ID_BYTES: u32 = 64;

/// Every payment keeps the contract alive for 30 days of 5 s ledgers, once less than 7 days are left.
const TTL_THRESHOLD_LEDGERS: u32 = 120_960;
const TTL_EXTEND_TO_LEDGERS: u32 = 518_400;

const TREASURY: Symbol = symbol_short!("treasury");
const USDC: Symbol = symbol_short!("usdc");
const XLM: Symbol = symbol_short!("xlm");

#[contracterror]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum Error {
    /// The amount is zero or negative.
    AmountNotPositive = 1,
    /// The order id has no bytes.
    OrderIdEmpty = 2,
    /// The order id has more than 64 bytes.
    OrderIdTooLong = 3,
}

/// A payment in USDC. Data: the amount in base units of 7 decimals.
#[contractevent(topics = ["pay_usdc"], data_format = "single-value")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayUsdc {
    #[topic]
    pub order_id: Bytes,
    #[topic]
    pub from: Address,
    pub amount: i128,
}

/// A payment in XLM. Data: the amount in stroops.
#[contractevent(topics = ["pay_xlm"], data_format = "single-value")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PayXlm {
    #[topic]
    pub order_id: Bytes,
    #[topic]
    pub from: Address,
    pub amount: i128,
}

#[contract]
pub struct Receiver;

#[contractimpl]
impl Receiver {
    /// `usdc` and `xlm` are the asset contracts payments are made in. None of the three ever changes.
    pub fn __constructor(env: Env, treasury: Address, usdc: Address, xlm: Address) {
        let storage = env.storage().instance();
        storage.set(&TREASURY, &treasury);
        storage.set(&USDC, &usdc);
        storage.set(&XLM, &xlm);
    }

    /// Takes `amount` of USDC from `from`, who has to authorise it, as the payment of `order_id`.
    pub fn pay_usdc(env: Env, from: Address, amount: i128, order_id: Bytes) -> Result<(), Error> {
        take(&env, USDC, &from, amount, &order_id)?;
        PayUsdc { order_id, from, amount }.publish(&env);
        Ok(())
    }

    /// Takes `amount` of XLM from `from`, who has to authorise it, as the payment of `order_id`.
    pub fn pay_xlm(env: Env, from: Address, amount: i128, order_id: Bytes) -> Result<(), Error> {
        take(&env, XLM, &from, amount, &order_id)?;
        PayXlm { order_id, from, amount }.publish(&env);
        Ok(())
    }

    /// Sends all the contract holds of `asset` to the treasury and returns how much that was. Anyone
    /// may call it, for any asset.
    pub fn sweep(env: Env, asset: Address) -> i128 {
        let token = TokenClient::new(&env, &asset);
        let own = env.current_contract_address();
        let amount = token.balance(&own);
        if amount > 0 {
            token.transfer(&own, &Self::treasury(env), &amount);
        }
        amount
    }

    /// Where sweeps go.
    pub fn treasury(env: Env) -> Address {
        fixed(&env, TREASURY)
    }

    /// The asset contract of `pay_usdc`.
    pub fn usdc_contract(env: Env) -> Address {
        fixed(&env, USDC)
    }

    /// The asset contract of `pay_xlm`.
    pub fn xlm_contract(env: Env) -> Address {
        fixed(&env, XLM)
    }
}

fn take(
    env: &Env,
    asset: Symbol,
    from: &Address,
    amount: i128,
    order_id: &Bytes,
) -> Result<(), Error> {
    if amount <= 0 {
        return Err(Error::AmountNotPositive);
    }
    if order_id.is_empty() {
        return Err(Error::OrderIdEmpty);
    }
    if order_id.len() > MAX_ORDER_ID_BYTES {
        return Err(Error::OrderIdTooLong);
    }
    from.require_auth();
    let own = env.current_contract_address();
    TokenClient::new(env, &fixed(env, asset)).transfer(from, &own, &amount);
    env.storage().instance().extend_ttl(TTL_THRESHOLD_LEDGERS, TTL_EXTEND_TO_LEDGERS);
    Ok(())
}

/// Set by the constructor, without which no instance exists.
fn fixed(env: &Env, key: Symbol) -> Address {
    env.storage().instance().get(&key).unwrap()
}
