//! Which trace an execution is, which of them are kept, and the ids of spans.

use opentelemetry::{SpanId, TraceId};
use sha2::{Digest, Sha256};
use stepyard_asl::SpanPlace;
use stepyard_engine::Subject;

use super::header::Header;

/// Which traces are kept (`OTEL_TRACES_SAMPLER`). A trace is kept whole or not at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// The share of them, from 0 to 1.
    pub ratio: f64,
    /// Whether the caller's trace header decides where it says so.
    pub is_parent_based: bool,
}

impl Default for Sampler {
    /// `parentbased_always_on`.
    fn default() -> Self {
        Self { ratio: 1.0, is_parent_based: true }
    }
}

/// Knows the trace of an execution.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tracer(pub(crate) Sampler);

/// The trace of an execution that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceOf {
    pub(crate) id: TraceId,
    /// The span that asked for the execution.
    pub(crate) parent: Option<SpanId>,
}

impl Tracer {
    /// None of an execution whose trace is not kept.
    pub(crate) fn trace(&self, subject: &Subject) -> Option<TraceOf> {
        let header = subject.trace.as_deref().and_then(Header::parse);
        let id = header.map_or_else(|| trace_id(subject), |header| header.root);
        let asked = header.and_then(|header| header.is_sampled).filter(|_| self.0.is_parent_based);
        let is_kept = asked.unwrap_or_else(|| is_within(id, self.0.ratio));
        let parent = header.and_then(|header| header.parent);
        is_kept.then_some(TraceOf { id, parent })
    }

    /// The header that an attempt at a task passes on.
    pub(crate) fn header(&self, subject: &Subject, task: &SpanPlace) -> Option<String> {
        let root = self.trace(subject)?.id;
        let header = Header { root, parent: Some(span_id(subject, task)), is_sampled: Some(true) };
        Some(header.to_string())
    }
}

/// X-Ray takes a trace whose id begins with the second in which it began, so that those that are exported
/// there are found, too.
fn trace_id(subject: &Subject) -> TraceId {
    let seconds = subject.started_at.as_millis().div_euclid(1_000);
    let mut id = [0; 16];
    id[..4].copy_from_slice(&u32::try_from(seconds).unwrap_or(u32::MAX).to_be_bytes());
    id[4..].copy_from_slice(&digest("trace", subject, "")[..12]);
    TraceId::from_bytes(id)
}

pub(crate) fn span_id(subject: &Subject, place: &SpanPlace) -> SpanId {
    let digest = digest("span", subject, &place.to_string());
    let id = *digest.first_chunk().expect("a digest has 32 bytes");
    SpanId::from_bytes(id)
}

/// An ARN may be another execution's after a while, but not at the same moment.
fn digest(what: &str, subject: &Subject, place: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [what, &subject.arn, place] {
        hash.update(part);
        hash.update([0]);
    }
    hash.update(subject.started_at.as_millis().to_be_bytes());
    hash.finalize().into()
}

/// `TraceIdRatioBased`: the last eight bytes of the id, which are random, tell which are kept.
fn is_within(id: TraceId, ratio: f64) -> bool {
    let bytes = id.to_bytes();
    let last = *bytes.last_chunk().expect("a trace id has 16 bytes");
    let bound = (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64;
    u64::from_be_bytes(last) >> 1 < bound
}

#[cfg(test)]
mod tests {
    use stepyard_asl::Timestamp;

    use super::*;

    fn subject(name: &str, trace: Option<&str>) -> Subject {
        Subject {
            arn: format!("arn:aws:states:us-east-1:123456789012:execution:orders:{name}").into(),
            machine: "arn:aws:states:us-east-1:123456789012:stateMachine:orders".into(),
            version: None,
            alias: None,
            started_at: Timestamp::from_millis(1_713_959_670_672),
            trace: trace.map(str::to_owned),
            map_run: None,
            logging: None,
        }
    }

    fn place(task: &str) -> SpanPlace {
        SpanPlace::of_task(&task.parse().unwrap(), 0)
    }

    #[test]
    fn ids_are_the_same_again_and_others_elsewhere() {
        let tracer = Tracer::default();
        let (one, two) = (subject("one", None), subject("two", None));
        let id = tracer.trace(&one).unwrap().id;
        assert_eq!(tracer.trace(&one.clone()).unwrap().id, id);
        assert_ne!(tracer.trace(&two).unwrap().id, id);
        assert!(id.to_string().starts_with("6628f2f6"), "{id}");
        let later = Subject { started_at: one.started_at.plus_millis(1), ..one.clone() };
        assert_ne!(tracer.trace(&later).unwrap().id, id);
        let (first, second) = (place("1.0:task"), place("1.1:task"));
        assert_eq!(span_id(&one, &first), span_id(&one, &first.clone()));
        assert_ne!(span_id(&one, &first), span_id(&one, &second));
        assert_ne!(span_id(&one, &first), span_id(&two, &first));
    }

    #[test]
    fn the_callers_header_is_gone_on_with() {
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let tracer = Tracer::default();
        let called = subject("one", Some(&format!("{root};Parent=53995c3f42cd8ad8;Sampled=1")));
        let trace = tracer.trace(&called).unwrap();
        assert_eq!(trace.id.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(trace.parent.unwrap().to_string(), "53995c3f42cd8ad8");
        let task = place("1.0:task");
        let header = tracer.header(&called, &task).unwrap();
        assert_eq!(header, format!("{root};Parent={};Sampled=1", span_id(&called, &task)));
        let unsampled = subject("one", Some(&format!("{root};Sampled=0")));
        assert_eq!(tracer.trace(&unsampled), None);
        assert_eq!(tracer.header(&unsampled, &task), None);
        let always = Tracer(Sampler { is_parent_based: false, ..Sampler::default() });
        assert!(always.trace(&unsampled).is_some());
    }

    #[test]
    fn a_ratio_keeps_about_as_many() {
        let kept = |ratio: f64| {
            let tracer = Tracer(Sampler { ratio, is_parent_based: true });
            let all = (0..2_000).map(|number| subject(&number.to_string(), None));
            all.filter(|subject| tracer.trace(subject).is_some()).count()
        };
        assert_eq!((kept(0.0), kept(1.0)), (0, 2_000));
        assert!((400..600).contains(&kept(0.25)), "{}", kept(0.25));
    }
}
