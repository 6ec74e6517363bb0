//! What `/metrics` shows: requests by operation, and the store at work.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use merak_core::jobs::Backlog;
use merak_store::{COMMIT_BUCKETS, Statistics, Store};
use metrics::{Counter, Histogram, Key, Label, Level, Metadata, Recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::wire::Operation;

const METADATA: Metadata<'static> = Metadata::new("merak", Level::INFO, None);

/// Bounds of the time histograms, in seconds.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Counters and histograms of each operation, made once so that a request only touches atomics.
pub struct RequestMetrics {
    operations: Vec<OperationMetrics>,
    handle: PrometheusHandle,
}

struct OperationMetrics {
    seconds: Histogram,
    /// By the first digit of the status: 2xx, 4xx, 5xx.
    ended: [Counter; 3],
}

impl RequestMetrics {
    /// Registers the operations with a recorder of this server's own.
    pub fn new(operations: &[Operation]) -> Self {
        let recorder = recorder();
        let operations = operations
            .iter()
            .map(|operation| {
                let label = Label::from_static_parts("operation", operation.id);
                let ended = ["2xx", "4xx", "5xx"].map(|class| {
                    let labels = vec![label.clone(), Label::from_static_parts("status", class)];
                    recorder.register_counter(&Key::from_parts("merak_requests_total", labels), &METADATA)
                });
                let key = Key::from_parts("merak_request_seconds", vec![label]);
                OperationMetrics { seconds: recorder.register_histogram(&key, &METADATA), ended }
            })
            .collect();
        Self { operations, handle: recorder.handle() }
    }

    /// Notes a request of the operation at this place of the list.
    pub fn note(&self, operation: usize, status: StatusCode, took: Duration) {
        let Some(metrics) = self.operations.get(operation) else { return };
        metrics.seconds.record(took.as_secs_f64());
        let class = match status.as_u16() {
            500.. => 2,
            400.. => 1,
            _ => 0,
        };
        metrics.ended[class].increment(1);
    }

    /// The metrics in Prometheus' text format.
    pub fn render(&self, store: &Store, jobs: Option<Backlog>) -> String {
        let mut text = self.handle.render();
        push_store(&mut text, &store.statistics());
        if let Some(jobs) = jobs {
            gauge(&mut text, "merak_jobs_waiting", jobs.waiting);
            gauge(&mut text, "merak_jobs_failed", jobs.failed);
            gauge(&mut text, "merak_jobs_refused", jobs.refused);
        }
        text
    }

    /// Moves what was recorded into the histograms; to be called now and then.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

fn recorder() -> Arc<PrometheusRecorder> {
    let builder = PrometheusBuilder::new();
    // The bounds are a constant that is not empty, the only thing the builder refuses.
    let builder = builder.set_buckets(SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
    Arc::new(builder.build_recorder())
}

fn gauge(text: &mut String, name: &str, value: impl std::fmt::Display) {
    use std::fmt::Write;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# TYPE {name} gauge\n{name} {value}");
}

fn counter(text: &mut String, name: &str, value: impl std::fmt::Display) {
    use std::fmt::Write;
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# TYPE {name} counter\n{name} {value}");
}

fn push_store(text: &mut String, statistics: &Statistics) {
    use std::fmt::Write;
    gauge(text, "merak_store_queued_writes", statistics.queued_writes);
    gauge(text, "merak_store_queued_reads", statistics.queued_reads);
    gauge(text, "merak_store_queued_in_lanes", statistics.queued_in_lanes);
    counter(text, "merak_store_writes_total", statistics.writes);
    counter(text, "merak_store_reads_total", statistics.reads);
    counter(text, "merak_store_groups_total", statistics.groups);
    counter(text, "merak_store_grouped_total", statistics.grouped);
    counter(text, "merak_store_reruns_total", statistics.reruns);
    counter(text, "merak_store_lane_waits_total", statistics.lane_waits);
    counter(text, "merak_store_ran_alone_total", statistics.ran_alone);
    counter(text, "merak_store_conflicts_total", statistics.conflicts);
    counter(text, "merak_store_refused_total", statistics.refused);
    counter(text, "merak_store_panics_total", statistics.panics);
    counter(text, "merak_store_reconnects_total", statistics.reconnects);
    text.push_str("# TYPE merak_store_commit_seconds histogram\n");
    let mut so_far = 0;
    for (count, bound) in statistics.commit_histogram.iter().zip(COMMIT_BUCKETS) {
        so_far += count;
        let seconds = Duration::from_micros(bound).as_secs_f64();
        let _ = writeln!(text, "merak_store_commit_seconds_bucket{{le=\"{seconds}\"}} {so_far}");
    }
    let _ = writeln!(text, "merak_store_commit_seconds_bucket{{le=\"+Inf\"}} {}", statistics.commits);
    let sum = Duration::from_micros(statistics.commit_micros).as_secs_f64();
    let _ = writeln!(text, "merak_store_commit_seconds_sum {sum}");
    let _ = writeln!(text, "merak_store_commit_seconds_count {}", statistics.commits);
}
