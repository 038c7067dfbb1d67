//! X-Ray's trace header: `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`.

use std::fmt;

use opentelemetry::{SpanId, TraceId};

/// A trace header, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) root: TraceId,
    /// The span that asks; none when it gave none.
    pub(crate) parent: Option<SpanId>,
    /// Whether the trace is to be kept; none when that is left open.
    pub(crate) is_sampled: Option<bool>,
}

impl Header {
    /// None when it names no trace.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let part = |name: &str| {
            let mut parts = text.split(';').filter_map(|part| part.trim().split_once('='));
            parts.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let root = part("Root").and_then(trace_id)?;
        let parent = part("Parent").filter(|text| text.len() == 16);
        let parent = parent.and_then(|text| SpanId::from_hex(text).ok());
        let is_sampled = match part("Sampled") {
            Some("1") => Some(true),
            Some("0") => Some(false),
            _ => None,
        };
        Some(Self { root, parent: parent.filter(|id| *id != SpanId::INVALID), is_sampled })
    }
}

fn trace_id(text: &str) -> Option<TraceId> {
    let (seconds, rest) = text.strip_prefix("1-")?.split_once('-')?;
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if seconds.len() != 8 || rest.len() != 24 || !is_hex(seconds) || !is_hex(rest) {
        return None;
    }
    let id = TraceId::from_hex(&format!("{seconds}{rest}")).ok()?;
    (id != TraceId::INVALID).then_some(id)
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.root.to_string();
        let (seconds, rest) = root.split_at(8);
        write!(f, "Root=1-{seconds}-{rest}")?;
        if let Some(parent) = self.parent {
            write!(f, ";Parent={parent}")?;
        }
        match self.is_sampled {
            Some(true) => f.write_str(";Sampled=1"),
            Some(false) => f.write_str(";Sampled=0"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_is_written() {
        let whole = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        let header = Header::parse(whole).unwrap();
        assert_eq!(header.root.to_string(), "5759e988bd862e3fe1be46a994272793");
        assert_eq!(header.to_string(), whole);
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        for (text, shown) in [
            (root.to_owned(), root.to_owned()),
            (format!("{root};Sampled=0"), format!("{root};Sampled=0")),
            (format!("Sampled=?; {root}"), root.to_owned()),
            (format!("{root};Parent=0000000000000000"), root.to_owned()),
            (format!("{root};Parent=zz"), root.to_owned()),
        ] {
            assert_eq!(Header::parse(&text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_names_no_trace_is_no_header() {
        for text in [
            "",
            "Root=not enabled;Sampled=0",
            "Root=1-5759e988-bd862e3fe1be46a99427279",
            "Root=2-5759e988-bd862e3fe1be46a994272793",
            "Root=1-00000000-000000000000000000000000",
            "Parent=53995c3f42cd8ad8;Sampled=1",
        ] {
            assert_eq!(Header::parse(text), None, "{text}");
        }
    }
}
