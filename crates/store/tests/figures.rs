//! Speed and size on the machine at hand: printed, never judged by the clock.

use std::time::Instant;

use crate::support::{Host, JUNE, flush};

#[tokio::test]
async fn what_inserts_cost() {
    let started = Instant::now();
    let host = Host::start();
    let opened = started.elapsed();
    let idle = host.resident_bytes();
    let store = host.store();
    store.migrate().await.unwrap();
    let mut figures = format!("open {opened:?}, {} MB resident idle\n", idle / 1_000_000);
    for cells in [1, 1_000, 10_000, 100_000] {
        for turn in 0..3 {
            let changes = flush([JUNE], cells);
            let started = Instant::now();
            store.insert(&format!("{cells}/{turn}"), &changes).await.unwrap();
            figures += &format!("insert of {cells} cells: {:?}\n", started.elapsed());
        }
    }
    figures += &format!("{} MB resident after\n", host.resident_bytes() / 1_000_000);
    println!("{figures}");
    assert_eq!(
        host.ask("SELECT sum(pageviews) FROM counts").await,
        (3 * 3 * (1 + 1_000 + 10_000 + 100_000)).to_string()
    );
}
