extern crate std;

use super::*;
use soroban_sdk::{
    symbol_short,
    testutils::{Address as _, EnvTestConfig},
    vec,
};

struct Feed {
    env: Env,
    client: OracleClient<'static>,
    usd: Asset,
    xlm: Asset,
}

/// Prices in USD with 14 decimals, every 300 s, as common oracles have them.
fn feed() -> Feed {
    let env = Env::new_with_config(EnvTestConfig { capture_snapshot_at_drop: false });
    let usd = Asset::Other(symbol_short!("USD"));
    let contract = env.register(Oracle, (Address::generate(&env), usd.clone(), 14u32, 300u32));
    let client = OracleClient::new(&env, &contract);
    Feed { env, client, usd, xlm: Asset::Other(symbol_short!("XLM")) }
}

#[test]
fn it_says_what_its_prices_mean() {
    let feed = feed();
    assert_eq!(feed.client.base(), feed.usd);
    assert_eq!(feed.client.decimals(), 14);
    assert_eq!(feed.client.resolution(), 300);
    assert_eq!(feed.client.assets(), vec![&feed.env]);
}

#[test]
fn an_asset_without_a_price_has_none() {
    let feed = feed();
    assert_eq!(feed.client.lastprice(&feed.xlm), None);
    assert_eq!(feed.client.price(&feed.xlm, &300), None);
    assert_eq!(feed.client.prices(&feed.xlm, &5), None);
}

#[test]
fn the_last_price_carries_its_time_rounded_down() {
    let feed = feed();
    feed.client.mock_all_auths().set_price(&feed.xlm, &11, &1_000);
    assert_eq!(feed.client.lastprice(&feed.xlm), Some(PriceData { price: 11, timestamp: 900 }));
    assert_eq!(feed.client.price(&feed.xlm, &1_199), feed.client.lastprice(&feed.xlm));
    assert_eq!(feed.client.price(&feed.xlm, &1_200), None);
    assert_eq!(feed.client.assets(), vec![&feed.env, feed.xlm.clone()]);
}

#[test]
fn prices_come_newest_first_and_no_more_than_asked_for() {
    let feed = feed();
    let client = feed.client.mock_all_auths();
    for n in 1..=3 {
        client.set_price(&feed.xlm, &i128::from(n), &(300 * n));
    }
    let record = |n: u64| PriceData { price: n.into(), timestamp: 300 * n };
    assert_eq!(client.prices(&feed.xlm, &2), Some(vec![&feed.env, record(3), record(2)]));
    assert_eq!(client.prices(&feed.xlm, &9).unwrap().len(), 3);
    assert_eq!(client.prices(&feed.xlm, &0), None);
}

#[test]
fn an_older_price_replaces_what_came_after_it() {
    let feed = feed();
    let client = feed.client.mock_all_auths();
    for timestamp in [300, 600, 900] {
        client.set_price(&feed.xlm, &1, &timestamp);
    }
    client.set_price(&feed.xlm, &2, &600);
    assert_eq!(client.lastprice(&feed.xlm), Some(PriceData { price: 2, timestamp: 600 }));
    assert_eq!(client.prices(&feed.xlm, &9).unwrap().len(), 2);
}

#[test]
fn only_the_newest_records_are_kept() {
    let feed = feed();
    let client = feed.client.mock_all_auths();
    for n in 1..=u64::from(MAX_RECORDS) + 1 {
        client.set_price(&feed.xlm, &1, &(300 * n));
    }
    assert_eq!(client.price(&feed.xlm, &300), None);
    assert_eq!(client.prices(&feed.xlm, &100).unwrap().len(), MAX_RECORDS);
}

#[test]
fn only_the_admin_sets_prices_and_only_positive_ones() {
    let feed = feed();
    assert!(feed.client.try_set_price(&feed.xlm, &1, &300).is_err());
    let refused = feed.client.mock_all_auths().try_set_price(&feed.xlm, &0, &300);
    assert_eq!(refused, Err(Ok(Error::PriceNotPositive)));
    assert_eq!(feed.client.lastprice(&feed.xlm), None);
}
