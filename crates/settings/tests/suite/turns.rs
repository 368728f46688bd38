//! Many writers at once: revisions grow one by one, nobody's change is lost, a reader never sees one change without those
//! before it, and processes that open an empty database together all find it ready.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use ::model::Site;
use settings::{Expected, Location, Revision, Settings, SettingsError};

use crate::bed::{Bed, site};
use crate::behaviour::over_both;

const WRITERS: u16 = 6;
const CHANGES: u16 = 15;
const LOCATION: &str = "SETTINGS_TURNS_LOCATION";

over_both!(
    revisions_grow_one_by_one_and_no_change_is_lost,
    a_reader_sees_no_change_without_those_before_it,
    processes_that_open_an_empty_database_together_all_find_it_ready,
);

/// Reads, adds one, and writes if nobody else did meanwhile; again until it did.
async fn add_one(settings: &Settings) -> Revision {
    loop {
        let stored = settings.site(&site("shared.example").domain).await.unwrap().unwrap();
        let more = Site { retention_days: stored.site.retention_days + 1, ..stored.site };
        match settings.put_site(&more, Expected::Revision(stored.revision), "writer").await {
            Ok(revision) => return revision,
            Err(SettingsError::Conflict { .. }) => {}
            Err(error) if error.retry() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn revisions_grow_one_by_one_and_no_change_is_lost(bed: Bed) {
    let settings = bed.open().await;
    settings.put_site(&Site { retention_days: 0, ..site("shared.example") }, Expected::Nothing, "test").await.unwrap();
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        // Each with connections of its own, as processes have.
        let settings = bed.open().await;
        writers.push(tokio::spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..CHANGES {
                mine.push(add_one(&settings).await);
            }
            mine
        }));
    }
    let mut all = BTreeSet::new();
    for writer in writers {
        let mine = writer.await.unwrap();
        assert!(mine.is_sorted_by(|one, next| one < next), "{mine:?}");
        all.extend(mine);
    }
    let changes = i64::from(WRITERS * CHANGES);
    assert_eq!(all, (2..=changes + 1).map(Revision).collect(), "each its own, and none left out");
    let shared = settings.site(&site("shared.example").domain).await.unwrap().unwrap();
    assert_eq!((shared.site.retention_days, shared.revision), (WRITERS * CHANGES, Revision(changes + 1)));
    assert_eq!(settings.audit_page(None, 1_000).await.unwrap().len(), usize::from(WRITERS * CHANGES) + 1);
}

async fn a_reader_sees_no_change_without_those_before_it(bed: Bed) {
    let settings = bed.open().await;
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let settings = bed.open().await;
        writers.push(tokio::spawn(async move {
            for change in 0..CHANGES {
                settings
                    .put_site(&site(&format!("w{writer}-{change}.example")), Expected::Nothing, "writer")
                    .await
                    .unwrap();
            }
        }));
    }
    let last = i64::from(WRITERS * CHANGES);
    loop {
        let list = settings.sites().await.unwrap();
        let revisions: BTreeSet<i64> = list.sites.iter().map(|stored| stored.revision.0).collect();
        assert_eq!(revisions, (1..=list.revision.0).collect(), "every revision is a site here");
        if list.revision.0 == last {
            break;
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
}

#[test]
fn opens_what_it_is_told_to() {
    let Ok(location) = std::env::var(LOCATION) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let bed = Bed::sqlite();
        let settings = Settings::open(&Location::parse(&location, None).unwrap(), bed.clock()).await.unwrap();
        settings
            .put_site(&site(&format!("p{}.example", std::process::id())), Expected::Nothing, "process")
            .await
            .unwrap();
    });
}

async fn processes_that_open_an_empty_database_together_all_find_it_ready(bed: Bed) {
    let processes: Vec<_> = (0..5)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "turns::opens_what_it_is_told_to", "--nocapture"])
                .env(LOCATION, bed.location.to_string())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let list = bed.open().await.sites().await.unwrap();
    assert_eq!((list.sites.len(), list.revision), (5, Revision(5)));
}
