extern crate std;

use super::*;
use soroban_sdk::{
    IntoVal, Val, Vec,
    testutils::{
        Address as _, AuthorizedFunction, AuthorizedInvocation, EnvTestConfig, Events as _,
        MockAuth, MockAuthInvoke, storage::Instance as _,
    },
    token::{StellarAssetClient, TokenClient},
    vec,
};
use std::vec as list;

const FUNDS: i128 = 1_000;

struct Shop {
    env: Env,
    contract: Address,
    client: ReceiverClient<'static>,
    treasury: Address,
    payer: Address,
    usdc: TokenClient<'static>,
    xlm: TokenClient<'static>,
}

/// A receiver and a payer who owns both assets. Nobody has authorised anything yet.
fn shop() -> Shop {
    let env = Env::new_with_config(EnvTestConfig { capture_snapshot_at_drop: false });
    let (treasury, payer) = (Address::generate(&env), Address::generate(&env));
    let (usdc, xlm) = (funded_asset(&env, &payer), funded_asset(&env, &payer));
    let arguments = (treasury.clone(), usdc.address.clone(), xlm.address.clone());
    let contract = env.register(Receiver, arguments);
    let client = ReceiverClient::new(&env, &contract);
    Shop { env, contract, client, treasury, payer, usdc, xlm }
}

fn funded_asset(env: &Env, owner: &Address) -> TokenClient<'static> {
    let asset = env.register_stellar_asset_contract_v2(Address::generate(env)).address();
    env.mock_all_auths();
    StellarAssetClient::new(env, &asset).mint(owner, &FUNDS);
    env.set_auths(&[]);
    TokenClient::new(env, &asset)
}

fn order_id(env: &Env, len: u32) -> Bytes {
    Bytes::from_slice(env, &std::vec![7u8; len as usize])
}

#[test]
fn the_getters_return_what_the_constructor_was_given() {
    let shop = shop();
    assert_eq!(shop.client.treasury(), shop.treasury);
    assert_eq!(shop.client.usdc_contract(), shop.usdc.address);
    assert_eq!(shop.client.xlm_contract(), shop.xlm.address);
}

#[test]
fn pay_usdc_moves_usdc_into_the_contract_and_says_so() {
    let shop = shop();
    let order_id = order_id(&shop.env, 16);
    shop.client.mock_all_auths().pay_usdc(&shop.payer, &300, &order_id);
    let topics: Vec<Val> = vec![
        &shop.env,
        Symbol::new(&shop.env, "pay_usdc").into_val(&shop.env),
        order_id.into_val(&shop.env),
        shop.payer.into_val(&shop.env),
    ];
    assert_eq!(
        shop.env.events().all().filter_by_contract(&shop.contract),
        vec![&shop.env, (shop.contract.clone(), topics, 300i128.into_val(&shop.env))],
    );
    assert_eq!(shop.usdc.balance(&shop.contract), 300);
    assert_eq!(shop.usdc.balance(&shop.payer), FUNDS - 300);
    assert_eq!(shop.xlm.balance(&shop.contract), 0);
}

#[test]
fn pay_xlm_moves_xlm_into_the_contract_and_says_so() {
    let shop = shop();
    let order_id = order_id(&shop.env, 64);
    shop.client.mock_all_auths().pay_xlm(&shop.payer, &1, &order_id);
    let topics: Vec<Val> = vec![
        &shop.env,
        Symbol::new(&shop.env, "pay_xlm").into_val(&shop.env),
        order_id.into_val(&shop.env),
        shop.payer.into_val(&shop.env),
    ];
    assert_eq!(
        shop.env.events().all().filter_by_contract(&shop.contract),
        vec![&shop.env, (shop.contract.clone(), topics, 1i128.into_val(&shop.env))],
    );
    assert_eq!(shop.xlm.balance(&shop.contract), 1);
    assert_eq!(shop.usdc.balance(&shop.contract), 0);
}

#[test]
fn one_authorisation_of_the_payer_covers_the_call_and_its_transfer_and_nothing_else() {
    let shop = shop();
    let order_id = order_id(&shop.env, 16);
    shop.client.mock_all_auths().pay_usdc(&shop.payer, &300, &order_id);
    let transfer = (
        shop.usdc.address.clone(),
        symbol_short!("transfer"),
        (&shop.payer, &shop.contract, 300i128).into_val(&shop.env),
    );
    let pay = (
        shop.contract.clone(),
        Symbol::new(&shop.env, "pay_usdc"),
        (&shop.payer, 300i128, &order_id).into_val(&shop.env),
    );
    let invocation = AuthorizedInvocation {
        function: AuthorizedFunction::Contract(pay),
        sub_invocations: list![AuthorizedInvocation {
            function: AuthorizedFunction::Contract(transfer),
            sub_invocations: list![],
        }],
    };
    assert_eq!(shop.env.auths(), list![(shop.payer.clone(), invocation)]);
}

#[test]
fn without_the_payers_authorisation_nothing_is_paid() {
    let shop = shop();
    assert!(shop.client.try_pay_usdc(&shop.payer, &300, &order_id(&shop.env, 16)).is_err());
    assert_eq!(shop.usdc.balance(&shop.payer), FUNDS);
}

#[test]
fn somebody_elses_authorisation_does_not_pay() {
    let shop = shop();
    let order_id = order_id(&shop.env, 16);
    let stranger = Address::generate(&shop.env);
    let arguments = (&shop.payer, 300i128, &order_id).into_val(&shop.env);
    let auth = MockAuth {
        address: &stranger,
        invoke: &MockAuthInvoke {
            contract: &shop.contract,
            fn_name: "pay_usdc",
            args: arguments,
            sub_invokes: &[],
        },
    };
    let called = shop.client.mock_auths(&[auth]).try_pay_usdc(&shop.payer, &300, &order_id);
    assert!(called.is_err());
    assert_eq!(shop.usdc.balance(&shop.payer), FUNDS);
}

#[test]
fn amounts_that_are_not_positive_are_refused() {
    let shop = shop();
    let client = shop.client.mock_all_auths();
    let order_id = order_id(&shop.env, 16);
    for amount in [0, -1, i128::MIN] {
        let refused = Err(Ok(Error::AmountNotPositive));
        assert_eq!(client.try_pay_usdc(&shop.payer, &amount, &order_id), refused);
        assert_eq!(client.try_pay_xlm(&shop.payer, &amount, &order_id), refused);
    }
}

#[test]
fn order_ids_are_1_to_64_bytes() {
    let shop = shop();
    let client = shop.client.mock_all_auths();
    let pay = |len| client.try_pay_usdc(&shop.payer, &1, &order_id(&shop.env, len));
    assert_eq!(pay(0), Err(Ok(Error::OrderIdEmpty)));
    assert_eq!(pay(1), Ok(Ok(())));
    assert_eq!(pay(64), Ok(Ok(())));
    assert_eq!(pay(65), Err(Ok(Error::OrderIdTooLong)));
    assert_eq!(shop.usdc.balance(&shop.contract), 2);
}

#[test]
fn more_than_the_payer_has_is_refused_and_leaves_no_event() {
    let shop = shop();
    let client = shop.client.mock_all_auths();
    let order_id = order_id(&shop.env, 16);
    assert!(client.try_pay_usdc(&shop.payer, &(FUNDS + 1), &order_id).is_err());
    assert!(shop.env.events().all().events().is_empty());
    assert_eq!(shop.usdc.balance(&shop.contract), 0);
}

#[test]
fn a_payment_keeps_the_contract_alive() {
    let shop = shop();
    let ttl = || shop.env.as_contract(&shop.contract, || shop.env.storage().instance().get_ttl());
    assert!(ttl() < TTL_THRESHOLD_LEDGERS);
    shop.client.mock_all_auths().pay_xlm(&shop.payer, &1, &order_id(&shop.env, 1));
    assert_eq!(ttl(), TTL_EXTEND_TO_LEDGERS);
}

#[test]
fn anyone_may_sweep_everything_to_the_treasury() {
    let shop = shop();
    shop.client.mock_all_auths().pay_usdc(&shop.payer, &300, &order_id(&shop.env, 16));
    shop.client.mock_all_auths().pay_usdc(&shop.payer, &45, &order_id(&shop.env, 16));
    shop.env.set_auths(&[]);
    assert_eq!(shop.client.sweep(&shop.usdc.address), 345);
    assert_eq!(shop.env.auths(), list![]);
    assert_eq!(shop.usdc.balance(&shop.treasury), 345);
    assert_eq!(shop.usdc.balance(&shop.contract), 0);
}

#[test]
fn sweeping_nothing_returns_zero() {
    let shop = shop();
    assert_eq!(shop.client.sweep(&shop.usdc.address), 0);
}

#[test]
fn what_was_sent_in_any_other_asset_goes_to_the_treasury_too() {
    let shop = shop();
    let other = funded_asset(&shop.env, &shop.contract);
    shop.env.set_auths(&[]);
    assert_eq!(shop.client.sweep(&other.address), FUNDS);
    assert_eq!(other.balance(&shop.treasury), FUNDS);
}

/// An "asset" that uses the moment it is swept to ask for the receiver's USDC.
mod thief {
    use super::*;

    #[contract]
    pub struct Thief;

    #[contractimpl]
    impl Thief {
        pub fn __constructor(env: Env, usdc: Address) {
            env.storage().instance().set(&USDC, &usdc);
        }

        pub fn balance(_env: Env, _id: Address) -> i128 {
            1
        }

        pub fn transfer(env: Env, from: Address, _to: Address, _amount: i128) {
            let own = env.current_contract_address();
            TokenClient::new(&env, &fixed(&env, USDC)).transfer(&from, &own, &300);
        }
    }
}

#[test]
fn an_asset_that_is_swept_cannot_take_another_asset() {
    let shop = shop();
    shop.client.mock_all_auths().pay_usdc(&shop.payer, &300, &order_id(&shop.env, 16));
    shop.env.set_auths(&[]);
    let thief = shop.env.register(thief::Thief, (shop.usdc.address.clone(),));
    assert!(shop.client.try_sweep(&thief).is_err());
    assert_eq!(shop.usdc.balance(&shop.contract), 300);
    assert_eq!(shop.usdc.balance(&thief), 0);
}
