//! What is told in tens, and what is folded, is told to be that.

use super::*;

/// Visitors of four days of a site that tells tens, one after the other: what is told of all is not the sum of what is told of each.
const TOLD_IN_TENS: [usize; 4] = [34, 14, 9, 0];

/// Who of the first day also viewed a second page, twenty minutes later, and a third one, after twenty more.
const FURTHER: [(&str, usize); 2] = [("/pricing", 13), ("/about", 7)];

/// What fewer visitors than these had in common stands together when its day is closed.
const TOGETHER_BELOW: usize = 5;

/// How many came to a page how and with which browser.
const ALIKE: [(usize, &str, &str); 3] = [(6, AGENT, "/"), (2, AGENT, "/?utm_source=newsletter"), (2, FIREFOX, "/")];

#[test]
fn tens_and_what_is_folded_are_told_to_be_that() {
    let data = tempfile::tempdir().unwrap();
    let config = format!(
        "[[site]]\ndomain = \"{SITE}\"\nmode = \"exempt\"\n[[site]]\ndomain = \"{OTHER}\"\nvisitors_min = {TOGETHER_BELOW}\n"
    );
    let server = Server::configured(data.path(), &config);
    let first = seconds() / DAY - 20;
    let days = [first, first + 1, first + 2, first + 3];
    let mut views: Vec<Past> = Vec::new();
    for (day, visitors) in days.into_iter().zip(TOLD_IN_TENS) {
        views.extend((0..visitors).map(|who| (time(day, 600), who, AGENT, "/".to_owned())));
    }
    for (minute, (path, visitors)) in [620, 640].into_iter().zip(FURTHER) {
        views.extend((0..visitors).map(|who| (time(first, minute), who, AGENT, path.to_owned())));
    }
    import_views(&server, data.path(), SITE, &views);
    let visits: usize = TOLD_IN_TENS.iter().sum();
    let further = FURTHER.map(|(_, visitors)| visitors);
    let stayed: usize = further.iter().map(|visitors| visitors * 20 * 60).sum();
    // What is made of counts is made of them as they are told.
    let [told_visits, told_views, told_bounces] = [visits, views.len(), visits - further[0]].map(nearest_ten);
    let rows = [("/", visits)].into_iter().chain(FURTHER);
    let tens_told = json!({
        "site": SITE,
        "days": days.map(civil),
        "totals": {
            "visitors": tens(visits),
            "visits": tens(visits),
            "pageviews": tens(views.len()),
            "views_per_visit": format!("{:.2}", told_views as f64 / told_visits as f64),
            "bounce_rate": format!("{:.0}%", told_bounces as f64 * 100.0 / told_visits as f64),
            "visit_duration": took(stayed / visits),
        },
        "visitors": TOLD_IN_TENS.map(tens),
        "pages": rows.map(|(page, count)| [page.to_owned(), tens(count), tens(count)]).collect::<Vec<_>>(),
        "changes": [
            [civil(days[1]), format!("↓ {:.0}%", 100.0 - nearest_ten(TOLD_IN_TENS[1]) as f64 * 100.0 / nearest_ten(TOLD_IN_TENS[0]) as f64)],
            // Fewer than ten are no number to be compared in percent.
            [civil(days[2]), format!("the period before {}", tens(TOLD_IN_TENS[1]))],
        ],
    });
    let views: Vec<Past> = ALIKE
        .into_iter()
        .flat_map(|(count, agent, path)| vec![(agent, path); count])
        .enumerate()
        .map(|(who, (agent, path))| (time(first, 600), who, agent, path.to_owned()))
        .collect();
    import_views(&server, data.path(), OTHER, &views);
    let of = |fits: &dyn Fn(&str, &str) -> bool| {
        ALIKE.iter().filter(|(_, agent, path)| fits(agent, path)).map(|(count, ..)| count).sum::<usize>()
    };
    let direct = of(&|_, path| path == "/");
    let folded = json!({
        "site": OTHER,
        "day": civil(first),
        "below": TOGETHER_BELOW,
        "versions": [["Chrome 142", of(&|agent, _| agent == AGENT)], ["Other, too few to show", of(&|agent, _| agent == FIREFOX)]],
        "values": ["Chrome 142", "(other)"],
        // A source alone stays, and not beside a page.
        "sources": [["Direct / None", direct], ["newsletter", of(&|_, path| path != "/")]],
        "filtered": [["Direct / None", direct]],
    });
    eventually("the day is closed", || {
        let versions = server.breakdown(OTHER, "visit:browser_version", &["visitors"]);
        let sources = server.query(&json!({
            "site_id": OTHER, "metrics": ["visitors"], "date_range": "all", "dimensions": ["visit:source"],
            "filters": [["is", "event:page", ["/"]]],
        }));
        let is_folded = versions.iter().any(|(version, _)| version == "(other)");
        (is_folded && sources["results"].as_array().unwrap().len() == 1).then_some(())
    });
    look(&server, "honesty.mjs", &json!({ "tens": tens_told, "folded": folded }));
    server.stop();
}

/// What a count is told as that is not told as fewer than ten.
fn nearest_ten(count: usize) -> usize {
    (count + 5) / 10 * 10
}

/// A count as a site tells it that tells tens.
fn tens(count: usize) -> String {
    if (1..10).contains(&count) { "<10".to_owned() } else { nearest_ten(count).to_string() }
}
