//! What the operating system says of this process and of the disk its data rests on, read when it is asked for: `process_*`, under
//! the names that every Prometheus client uses, and the room of the data directory.
//!
//! What cannot be read keeps its last figure; nothing here decides anything.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use model::Millis;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, IntGauge, Registry};
use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Registers the figures; `started` is now.
///
/// # Errors
/// A figure's name that the registry already has.
pub fn register(registry: &Registry, started: Millis, data: &Path) -> Result<(), prometheus::Error> {
    let start = Gauge::new("process_start_time_seconds", "When the process was started, since 1970.")?;
    start.set(started.0 as f64 / 1_000.0);
    registry.register(Box::new(start))?;
    let gauge = |name: &str, help: &str| IntGauge::new(name, help);
    registry.register(Box::new(Figures {
        data: data.to_owned(),
        one_at_a_time: Mutex::new(()),
        cpu_seconds: Counter::new("process_cpu_seconds_total", "Processor time of the process.")?,
        resident_bytes: gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.")?,
        virtual_bytes: gauge("process_virtual_memory_bytes", "Addresses the process has mapped.")?,
        open_files: gauge("process_open_fds", "Files and sockets the process has open.")?,
        open_files_max: gauge("process_max_fds", "Most files and sockets it may have open.")?,
        disk_free: gauge("footfall_disk_free_bytes", "Bytes free for the process where its data directory rests.")?,
        disk_size: gauge("footfall_disk_size_bytes", "Bytes of that disk.")?,
    }))
}

struct Figures {
    data: PathBuf,
    /// Held while the figures below are set and read.
    one_at_a_time: Mutex<()>,
    cpu_seconds: Counter,
    resident_bytes: IntGauge,
    virtual_bytes: IntGauge,
    open_files: IntGauge,
    open_files_max: IntGauge,
    disk_free: IntGauge,
    disk_size: IntGauge,
}

impl Figures {
    fn all(&self) -> [&dyn Collector; 7] {
        [
            &self.cpu_seconds,
            &self.resident_bytes,
            &self.virtual_bytes,
            &self.open_files,
            &self.open_files_max,
            &self.disk_free,
            &self.disk_size,
        ]
    }

    fn look(&self) {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
        self.cpu_seconds.inc_by((cpu - self.cpu_seconds.get()).max(0.0));
        if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
            for (field, gauge) in [("VmRSS:", &self.resident_bytes), ("VmSize:", &self.virtual_bytes)] {
                if let Some(bytes) = bytes_of(&status, field) {
                    gauge.set(bytes);
                }
            }
        }
        if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
            // Less the one that is read.
            self.open_files.set(whole(files.count().saturating_sub(1)));
        }
        // Without a bound it says the largest number.
        self.open_files_max.set(whole(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)));
        if let Ok(disk) = statvfs(&self.data) {
            self.disk_free.set(whole(disk.f_bavail.saturating_mul(disk.f_frsize)));
            self.disk_size.set(whole(disk.f_blocks.saturating_mul(disk.f_frsize)));
        }
    }
}

impl Collector for Figures {
    fn desc(&self) -> Vec<&Desc> {
        self.all().into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let _one_at_a_time = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        self.look();
        self.all().into_iter().flat_map(Collector::collect).collect()
    }
}

fn whole<T: TryInto<i64>>(number: T) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// A field of `/proc/self/status`, which tells kilobytes.
fn bytes_of(status: &str, field: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<i64>().ok()?.checked_mul(1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_says_is_shown_and_follows_it() {
        let (registry, data) = (Registry::new(), tempfile::tempdir().unwrap());
        register(&registry, Millis(1_800_000_000_500), data.path()).unwrap();
        let shown = |name: &str| -> f64 {
            let all = registry.gather();
            let family = all.iter().find(|family| family.name() == name).unwrap();
            let metric = &family.get_metric()[0];
            metric.get_gauge().get_value() + metric.get_counter().get_value()
        };
        assert_eq!(shown("process_start_time_seconds"), 1_800_000_000.5);
        assert_eq!(shown("process_max_fds"), whole(getrlimit(Resource::Nofile).current.unwrap()) as f64);
        // A second opinion of the disk is `df`'s; of the rest, that it moves as the process does.
        let df = std::process::Command::new("df").args(["-B1", "--output=size"]).arg(data.path()).output().unwrap();
        let size: f64 = String::from_utf8(df.stdout).unwrap().lines().nth(1).unwrap().trim().parse().unwrap();
        assert_eq!(shown("footfall_disk_size_bytes"), size);
        assert!((1.0..=size).contains(&shown("footfall_disk_free_bytes")));
        let (memory, files, cpu) =
            (shown("process_resident_memory_bytes"), shown("process_open_fds"), shown("process_cpu_seconds_total"));
        let held = vec![7_u8; 64 << 20];
        let open: Vec<_> = (0..50).map(|_| std::fs::File::open(data.path()).unwrap()).collect();
        assert!(shown("process_resident_memory_bytes") > memory + 48e6, "{memory}");
        // Other tests of this process open and close files, too.
        assert!(shown("process_open_fds") > files + 20.0, "{files}");
        assert!(
            held.iter().map(|byte| u64::from(*byte)).sum::<u64>() == 7 << 26
                && shown("process_cpu_seconds_total") > cpu
        );
        assert!(shown("process_virtual_memory_bytes") >= shown("process_resident_memory_bytes"));
        drop(open);
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "VmPeak:\t  9 kB\nVmRSS:\t    1234 kB\nRssAnon:\t 7 kB\n";
        assert_eq!(bytes_of(status, "VmRSS:"), Some(1_234 * 1_024));
        assert_eq!(bytes_of(status, "VmSize:"), None);
    }
}
