//! What whoever follows a shared link may look at: the reports that the link shows, of the one segment where it has one, and nothing
//! else of the site. A question is held against that by what it touches, whichever API it comes by.
//!
//! [`Look`] is what a handler says before it is given a site, so that one that says nothing is given none.

use model::{Dimension, Domain, Site};
use settings::{Kind, Report, Reports, Share};
use store::questions::Selection;

use crate::query::Query;
use crate::query::dimension::Named;
use crate::query::filter::{Filter, Keeps};
use crate::reply::Failure;

/// What of a site is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look<'l> {
    /// Counts, by a question.
    Counts(&'l Query),
    /// A report that is no question.
    Report(Report),
    /// Something of a report that is not counted by segment.
    WholeSite(Report),
    /// What people have defined.
    Definitions(Kind),
}

/// Whoever follows a shared link.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) share: Share,
}

impl Guest {
    /// Whether it is the site of the share.
    pub(super) fn is_at(&self, site: &Domain) -> bool {
        self.share.site == *site
    }

    /// Whether something is shown; if not, what it is that is not.
    pub(super) fn may_look(&self, look: Look<'_>) -> Result<(), Failure> {
        match look {
            Look::Counts(query) => self.may_ask(query),
            Look::Report(report) => self.must_show(report, report.as_str()),
            Look::WholeSite(_) if self.share.terms.segment.is_some() => Err(Failure::Forbidden(
                "this link shows one segment, and this is counted of the whole site only".to_owned(),
            )),
            Look::WholeSite(report) => self.must_show(report, report.as_str()),
            // A funnel's steps stand in its answer. What else is defined is the site's own affair.
            Look::Definitions(Kind::Funnel) => self.must_show(Report::Funnels, "a funnel"),
            Look::Definitions(Kind::Goal | Kind::Segment | Kind::Annotation) => {
                Err(Failure::Forbidden("what is defined for the site is not shared by this link".to_owned()))
            }
        }
    }

    /// The question as it is asked of the counts: of the share's segment alone.
    pub(super) fn narrowed(&self, query: &Query, site: &Site) -> Result<Query, Failure> {
        let mut query = query.clone();
        let Some(segment) = &self.share.terms.segment else { return Ok(query) };
        let present = site.definitions.segments().iter();
        if !present.filter(|known| known.is_present()).any(|known| *known.name == **segment) {
            let gone =
                "the segment that this link shows is not defined any more; ask whoever shared it for another link";
            return Err(Failure::Forbidden(gone.to_owned()));
        }
        if !query.filters.iter().any(|filter| filter.named.dimension == Dimension::Segment) {
            query.filters.push(Filter {
                named: Named::parse("segment")?,
                selection: only(segment),
                keeps: Keeps::Hits,
            });
            if let Some(sent) = query.filters_sent.as_array_mut() {
                sent.push(serde_json::json!(["is", "segment", [segment]]));
            }
        }
        Ok(query)
    }

    fn may_ask(&self, query: &Query) -> Result<(), Failure> {
        for filter in &query.filters {
            match (&self.share.terms.segment, filter.named.dimension) {
                (Some(segment), Dimension::Segment) => {
                    if filter.keeps != Keeps::Hits || filter.selection != only(segment) {
                        return Err(Failure::Forbidden(format!(
                            "this link shows the segment `{segment}` alone: leave other filters on `segment` out"
                        )));
                    }
                }
                (_, dimension) => self.must_show(report_of(dimension), &filter.named.name)?,
            }
        }
        match query.by() {
            Some(by) if by.dimension == Dimension::Segment && self.share.terms.segment.is_some() => {
                return Err(Failure::Forbidden("this link shows one segment alone, not which there are".to_owned()));
            }
            Some(by) => self.must_show(report_of(by.dimension), &by.name)?,
            None => self.must_show(Report::Overview, "totals")?,
        }
        if let Some(metric) = query.metrics.iter().find(|metric| metric.is_money()) {
            self.must_show(Report::Events, metric.as_str())?;
        }
        if query.include.coverage {
            self.must_show(Report::Overview, "include.coverage")?;
            if self.share.terms.segment.is_some() {
                return Err(Failure::Forbidden(
                    "this link shows one segment, and `include.coverage` is of the whole site: leave it out".to_owned(),
                ));
            }
        }
        Ok(())
    }

    fn must_show(&self, report: Report, what: &str) -> Result<(), Failure> {
        if self.shows(report) {
            return Ok(());
        }
        let shown = self.shown().join(", ");
        Err(Failure::Forbidden(format!(
            "this link does not share `{what}`, which is of the report `{}`; it shares: {shown}",
            report.as_str()
        )))
    }

    fn shows(&self, report: Report) -> bool {
        self.share.terms.reports.has(report) && (self.share.terms.segment.is_none() || is_of_segments(report))
    }

    /// The words of the reports that are shown.
    pub(crate) fn shown(&self) -> Vec<&'static str> {
        Report::ALL.iter().filter(|report| self.shows(**report)).map(|report| report.as_str()).collect()
    }
}

/// The selection of one segment by its name.
fn only(segment: &str) -> Selection {
    Selection { is: Some(vec![segment.to_owned()]), ..Selection::all(Dimension::Segment, String::new()) }
}

/// Whether a report can be of a segment: what is counted by the minute, and the ways of visitors, are of the whole site.
pub(crate) const fn is_of_segments(report: Report) -> bool {
    !matches!(report, Report::Funnels | Report::Flows | Report::Vitals | Report::Live | Report::Ledger)
}

/// Refuses a share of a segment with reports that are of the whole site.
pub(crate) fn check_segment(reports: &Reports, segment: Option<&str>) -> Result<(), Failure> {
    let (Reports::These(these), Some(segment)) = (reports, segment) else { return Ok(()) };
    match these.iter().find(|report| !is_of_segments(**report)) {
        None => Ok(()),
        Some(report) => Err(Failure::Refused(format!(
            "`{report}` is of the whole site and not counted by segment: share it without the segment `{segment}`, or leave it out"
        ))),
    }
}

/// The report that shows a dimension.
const fn report_of(dimension: Dimension) -> Report {
    match dimension {
        Dimension::Total => Report::Overview,
        Dimension::Source | Dimension::Channel | Dimension::Referrer => Report::Sources,
        Dimension::Page | Dimension::EntryPage | Dimension::ExitPage | Dimension::Hostname => Report::Pages,
        Dimension::NextPage => Report::Flows,
        Dimension::Vital => Report::Vitals,
        Dimension::Country | Dimension::Region | Dimension::City => Report::Places,
        Dimension::UtmSource
        | Dimension::UtmMedium
        | Dimension::UtmCampaign
        | Dimension::UtmTerm
        | Dimension::UtmContent => Report::Campaigns,
        Dimension::Browser | Dimension::BrowserVersion | Dimension::Device | Dimension::Screen => Report::Devices,
        Dimension::Os | Dimension::OsVersion | Dimension::Language => Report::Systems,
        Dimension::Event | Dimension::Property | Dimension::Goal | Dimension::Segment => Report::Events,
        Dimension::Funnel | Dimension::Step => Report::Funnels,
    }
}

#[cfg(test)]
mod tests {
    use model::Millis;
    use serde_json::{Value, json};
    use settings::ShareTerms;

    use super::*;

    fn guest(reports: &[Report], segment: Option<&str>) -> Guest {
        let terms = ShareTerms {
            name: "s".to_owned(),
            reports: Reports::These(reports.to_vec()),
            segment: segment.map(str::to_owned),
            export: false,
            origins: Vec::new(),
            expires: None,
        };
        Guest {
            share: Share {
                id: "s".to_owned(),
                site: Domain::parse("a.example").unwrap(),
                terms,
                has_password: false,
                made_by: "jane".to_owned(),
                created: Millis(0),
                used_day: None,
            },
        }
    }

    fn query(more: Value) -> Query {
        let mut body = json!({ "site_id": "a.example", "metrics": ["visitors"], "date_range": "7d" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Query::parse(body.to_string().as_bytes()).unwrap()
    }

    fn told(guest: &Guest, more: Value) -> Option<String> {
        guest.may_look(Look::Counts(&query(more))).err().map(|failure| failure.to_string())
    }

    #[test]
    fn each_dimension_is_of_its_report_in_rows_and_in_filters() {
        for (name, dimension) in crate::query::dimension::NAMES.iter().filter(|(name, _)| !name.ends_with("NAME")) {
            let report = report_of(*dimension);
            let others: Vec<_> = Report::ALL.iter().copied().filter(|other| *other != report).collect();
            let (with, without) = (guest(&[report, Report::Overview], None), guest(&others, None));
            let rows = json!({ "dimensions": [name] });
            let kept = json!({ "filters": [["is", name, ["DE"]]] });
            for asked in [rows, kept] {
                assert_eq!(told(&with, asked.clone()), None, "{name}");
                let refused = told(&without, asked).unwrap();
                assert!(
                    refused.contains(&format!("of the report `{report}`")) && refused.contains("it shares: "),
                    "{refused}"
                );
            }
        }
        let property = json!({ "dimensions": ["event:props:plan"] });
        assert!(told(&guest(&[Report::Pages], None), property).unwrap().contains("`event:props:plan`"));
    }

    #[test]
    fn nothing_is_reached_round_about() {
        let pages = guest(&[Report::Pages], None);
        for (more, said) in [
            (json!({}), "`totals`"),
            (json!({ "dimensions": ["time:day"] }), "`totals`"),
            (json!({ "dimensions": ["event:page"], "filters": [["is", "visit:country", ["DE"]]] }), "`visit:country`"),
            (
                json!({ "dimensions": ["event:page"], "filters": [["not", ["is", "visit:country", ["DE"]]]] }),
                "`visit:country`",
            ),
            (
                json!({ "dimensions": ["visit:entry_page"], "filters": [["has_done", ["is", "event:goal", ["Signup"]]]] }),
                "`event:goal`",
            ),
            (
                json!({ "dimensions": ["event:page"], "filters": [["is", "event:goal", ["Signup"]]], "metrics": ["conversion_rate"] }),
                "`event:goal`",
            ),
            (json!({ "dimensions": ["event:page"], "include": { "coverage": true } }), "`include.coverage`"),
            (json!({ "dimensions": ["event:page"], "metrics": ["total_revenue"] }), "`total_revenue`"),
            (json!({ "dimensions": ["segment"] }), "`segment`"),
        ] {
            let refused = told(&pages, more.clone()).unwrap_or_else(|| panic!("{more} was answered"));
            assert!(refused.contains(said), "{more}: {refused}");
        }
        for more in [
            json!({ "dimensions": ["event:page"] }),
            json!({ "dimensions": ["time:day", "event:page"] }),
            json!({ "dimensions": ["event:page"], "filters": [["contains", "event:page", ["/a"]]] }),
        ] {
            assert_eq!(told(&pages, more.clone()), None, "{more}");
        }
    }

    #[test]
    fn a_segment_cannot_be_left() {
        let all = guest(Report::ALL, Some("Germans"));
        for more in [
            json!({ "filters": [["is", "segment", ["French"]]] }),
            json!({ "filters": [["is", "segment", ["Germans", "French"]]] }),
            json!({ "filters": [["is_not", "segment", ["Germans"]]] }),
            json!({ "filters": [["contains", "segment", [""]]] }),
            json!({ "filters": [["has_done", ["is", "segment", ["Germans"]]]] }),
            json!({ "dimensions": ["segment"] }),
            json!({ "include": { "coverage": true } }),
        ] {
            // What the reader of queries refuses is not asked.
            let mut body = json!({ "site_id": "a.example", "metrics": ["visitors"], "date_range": "7d" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let Ok(query) = Query::parse(body.to_string().as_bytes()) else { continue };
            assert!(all.may_look(Look::Counts(&query)).is_err(), "{more}");
        }
        for report in [Report::Funnels, Report::Flows, Report::Vitals, Report::Live, Report::Ledger] {
            assert!(all.may_look(Look::Report(report)).is_err(), "{report} is of the whole site");
            assert!(check_segment(&Reports::These(vec![report]), Some("Germans")).is_err());
            assert!(check_segment(&Reports::These(vec![report]), None).is_ok());
        }
        assert_eq!(told(&all, json!({ "filters": [["is", "segment", ["Germans"]]] })), None);
        assert_eq!(told(&all, json!({ "dimensions": ["event:page"] })), None);
    }

    #[test]
    fn every_question_is_asked_of_the_segment_alone() {
        use std::sync::Arc;

        use model::definition::{Effective, Filter as Test, Lists};
        let all = guest(Report::ALL, Some("Germans"));
        let segment = |until| Effective { name: "Germans".into(), from: Millis(1), until, what: Test::All(Vec::new()) };
        let site = |until| {
            let lists = Lists { segments: vec![segment(until)], ..Lists::default() };
            Arc::new(Site { definitions: lists.into(), ..Site::new(Domain::parse("a.example").unwrap()) })
        };
        for more in [json!({ "dimensions": ["event:page"] }), json!({ "filters": [["is", "segment", ["Germans"]]] })] {
            let narrowed = all.narrowed(&query(more), &site(None)).unwrap();
            let of: Vec<_> =
                narrowed.filters.iter().map(|filter| (&filter.named.name[..], &filter.selection)).collect();
            assert_eq!(of, [("segment", &only("Germans"))]);
            assert_eq!(narrowed.filters_sent, json!([["is", "segment", ["Germans"]]]));
        }
        // One that is there no more is nothing, not everything; and nobody hears what else there is.
        let gone = all.narrowed(&query(json!({})), &site(Some(Millis(2)))).unwrap_err();
        assert!(matches!(gone, Failure::Forbidden(_)) && !gone.to_string().contains("Germans"), "{gone}");
    }

    #[test]
    fn definitions_are_the_sites_own_but_for_funnels_that_are_shown() {
        let all = guest(Report::ALL, None);
        let may = |guest: &Guest, kind| guest.may_look(Look::Definitions(kind)).is_ok();
        assert!(may(&all, Kind::Funnel) && !may(&guest(&[Report::Events], None), Kind::Funnel));
        assert!(!may(&all, Kind::Goal) && !may(&all, Kind::Segment) && !may(&all, Kind::Annotation));
    }
}
