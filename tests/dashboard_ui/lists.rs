//! Lists in full, with what was earned, as a file too; and cards that fail or have nothing to tell.

use super::*;

/// More pages than a page of the list in full has rows.
const GUIDES: i64 = 60;

/// What visitors paid, in cents.
const ORDERS: [i64; 3] = [120_000, 3_450, 6];

#[test]
fn a_list_in_full_and_what_was_earned_are_what_was_sent() {
    let data = tempfile::tempdir().unwrap();
    let config = format!("trusted_proxies = [\"127.0.0.0/8\"]\n[[site]]\ndomain = \"{SITE}\"\ncurrency = \"EUR\"\n");
    let server = Server::configured(data.path(), &config);
    // One visitor reads all of them, some again and again, and another one every other; both without loading a page anew.
    let read = [|number: i64| 1 + number % 5, |number: i64| number % 2];
    let path = |number: i64| format!("/guide/{number:02}");
    let mut visits: Vec<Value> = read
        .iter()
        .zip(1..)
        .map(|(times, who)| {
            let again = (0..5).flat_map(|time| (1..=GUIDES).filter(move |number| times(*number) > time));
            let moves = again.map(|number| json!({ "move": path(number) }));
            visit(&address(who), AGENT, [json!({ "view": "/guide" })].into_iter().chain(moves).collect())
        })
        .collect();
    let mut pages: Vec<_> = (1..=GUIDES)
        .map(|number| (path(number), 1 + read[1](number), read.iter().map(|times| times(number)).sum::<i64>()))
        .collect();
    pages.push(("/guide".to_owned(), 2, 2));
    let paid = ORDERS.into_iter().map(in_euros).chain([json!({ "currency": "USD", "amount": "7.00" })]);
    for (number, revenue) in paid.enumerate() {
        let mut does = vec![json!({ "view": "/shop" }), json!({ "event": "Order", "revenue": revenue })];
        does.extend((number == 0).then(|| json!({ "event": "Look" })));
        visits.push(visit(&address(10 + number), AGENT, does));
    }
    browser::visits(&server, &visits);
    let (buyers, earned) = (4, ORDERS.iter().sum::<i64>());
    pages.push(("/shop".to_owned(), buyers, buyers));
    let views: i64 = pages.iter().map(|(.., views)| views).sum();
    eventually("every hit counted", || {
        (server.totals(SITE, &["visitors", "events"]) == [2 + buyers, views + buyers + 1]).then_some(())
    });
    let expected = json!({
        "site": SITE,
        "pages": pages,
        "search": "/guide/1",
        "events": [["Order", buyers], ["Look", 1]],
        "revenue": {
            "sum": told(earned),
            "none": told(0),
            // The average is of all orders, also of one that was paid in another currency.
            "exported": [earned as f64 / 100.0, (earned / buyers) as f64 / 100.0],
        },
    });
    look(&server, "details.mjs", &expected);
    look(&server, "dark.mjs", &json!({ "site": SITE, "page": "/shop" }));
    server.stop();
}

#[test]
fn a_card_that_fails_says_so_and_so_do_days_without_a_visit() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE, OTHER]);
    come(&server, &[(15, AGENT, "/")]);
    eventually("the visitor counted", || (server.totals(SITE, &["visitors"]) == [1]).then_some(()));
    let lists = json!({
        "sources": [["Direct / None", 1]],
        "pages": [["/", 1]],
        "devices": [["Chrome", 1]],
        "systems": [["Windows", 1]],
    });
    look(&server, "edges.mjs", &json!({ "site": SITE, "other": OTHER, "lists": lists }));
    server.stop();
}

/// More pages than one answer tells, and how many it tells.
const PAGES: usize = 10_013;
const ANSWER_ROWS: usize = 10_000;

/// Of one visitor; of a few more than 500 no visitor's are told apart.
const PAGES_PER_VISITOR: usize = 400;

#[test]
fn a_list_of_several_answers_is_one_file_or_none() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[SITE]);
    let dates = [days_ago(9), days_ago(8)];
    let viewed = |date: &str, number: usize| {
        let (who, second) = (number / PAGES_PER_VISITOR, number % PAGES_PER_VISITOR);
        (format!("{date}T10:{:02}:{:02}Z", second / 60, second % 60), who, AGENT, format!("/p/{number:05}"))
    };
    // Every seventh page is viewed on the other day, too.
    let again = (0..PAGES).step_by(7).map(|number| viewed(&dates[1], number));
    let views: Vec<Past> = (0..PAGES).map(|number| viewed(&dates[0], number)).chain(again).collect();
    import_views(&server, data.path(), SITE, &views);
    let all = i64::try_from(views.len()).unwrap();
    eventually("every page view counted", || (server.totals(SITE, &["pageviews"]) == [all]).then_some(()));
    let expected = json!({ "site": SITE, "dates": dates, "pages": PAGES, "answer": ANSWER_ROWS });
    let told = look(&server, "export.mjs", &expected);
    let mut pages: BTreeMap<&str, usize> = BTreeMap::new();
    views.iter().for_each(|(.., path)| *pages.entry(path).or_default() += 1);
    let rows = told["pages"].as_array().unwrap().iter();
    let found: BTreeSet<_> = rows.clone().map(|row| (row[0].as_str().unwrap(), row[1].as_u64().unwrap())).collect();
    let sent = pages.into_iter().map(|(page, views)| (page, u64::try_from(views).unwrap())).collect();
    assert_eq!((rows.len(), found), (PAGES, sent));
    server.stop();
}
