//! Texts of a stack: what they say, but for the partition, region and account that it is deployed to.

use stepyard_asl::Piece;

/// A text in which the place of deployment may stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Text(Vec<Part>);

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// As it stands here; never empty, and never beside another.
    Literal(String),
    /// `aws`, `aws-cn` or `aws-us-gov`.
    Partition,
    /// The region of the stack.
    Region,
    /// Its account.
    Account,
}

/// How AWS's own templates write the parts in a text.
const PSEUDO_PARAMETERS: [(&str, Part); 3] = [
    ("${AWS::Partition}", Part::Partition),
    ("${AWS::Region}", Part::Region),
    ("${AWS::AccountId}", Part::Account),
];

impl Text {
    /// One part.
    pub(crate) fn of(part: Part) -> Self {
        Self(vec![part])
    }

    /// The ARN of a resource of the stack's own account and region.
    pub(crate) fn arn(service: &str, resource: impl Into<Self>) -> Self {
        let place = [Part::Region, Part::Literal(":".to_owned()), Part::Account];
        Self::arn_at(service, Self(place.to_vec()), resource)
    }

    /// The ARN of a resource that stands at `<region>:<account>`.
    pub(crate) fn arn_at(service: &str, place: impl Into<Self>, resource: impl Into<Self>) -> Self {
        let partition = Self(vec![Part::Partition]);
        Self::joined([Self::from("arn"), partition, service.into(), place.into(), resource.into()])
    }

    /// These, with `:` between them.
    pub(crate) fn joined(texts: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Self::default();
        for (index, text) in texts.into_iter().enumerate() {
            if index > 0 {
                joined.push(Part::Literal(":".to_owned()));
            }
            text.0.into_iter().for_each(|part| joined.push(part));
        }
        joined
    }

    /// Reads a text in which AWS's pseudo parameters may stand: `${AWS::Region}`.
    pub(crate) fn read(text: &str) -> Self {
        let mut read = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let next = PSEUDO_PARAMETERS
                .iter()
                .filter_map(|(written, part)| Some((rest.find(written)?, written, part)))
                .min_by_key(|(at, ..)| *at);
            let Some((at, written, part)) = next else { break };
            read.push(Part::Literal(rest[..at].to_owned()));
            read.push(part.clone());
            rest = &rest[at + written.len()..];
        }
        read.push(Part::Literal(rest.to_owned()));
        read
    }

    /// The text behind another.
    pub(crate) fn after(self, text: &str) -> Self {
        let mut joined = Self::from(text);
        self.0.into_iter().for_each(|part| joined.push(part));
        joined
    }

    /// Its parts.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// The text, when it is the same wherever the stack is.
    pub(crate) fn literal(&self) -> Option<&str> {
        match &*self.0 {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// What stands between the places of a character.
    pub(crate) fn split(&self, at: char) -> Vec<Self> {
        let mut pieces = vec![Self::default()];
        for part in &self.0 {
            let Part::Literal(text) = part else {
                pieces.last_mut().expect("there is one at least").push(part.clone());
                continue;
            };
            for (index, piece) in text.split(at).enumerate() {
                if index > 0 {
                    pieces.push(Self::default());
                }
                let last = pieces.last_mut().expect("there is one at least");
                last.push(Part::Literal(piece.to_owned()));
            }
        }
        pieces
    }

    /// The resource, when this is the ARN of a service's resource in the stack's own place.
    pub(crate) fn own_resource(&self, service: &str) -> Option<Self> {
        let parts = self.split(':');
        let [arn, _, named, region, account, resource @ ..] = &*parts else { return None };
        let is_own = arn.literal() == Some("arn")
            && named.literal() == Some(service)
            && region.0 == [Part::Region]
            && account.0 == [Part::Account];
        is_own.then(|| Self::joined(resource.iter().cloned()))
    }

    /// The text with names in the parts' places.
    pub(crate) fn written(&self, write: impl Fn(&Part) -> String) -> String {
        self.0.iter().map(write).collect()
    }

    fn push(&mut self, part: Part) {
        match (self.0.last_mut(), part) {
            (_, Part::Literal(text)) if text.is_empty() => {}
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => self.0.push(part),
        }
    }
}

impl<T: AsRef<str>> From<T> for Text {
    fn from(text: T) -> Self {
        let mut read = Self::default();
        read.push(Part::Literal(text.as_ref().to_owned()));
        read
    }
}

impl FromIterator<Piece> for Text {
    fn from_iter<T: IntoIterator<Item = Piece>>(pieces: T) -> Self {
        let mut text = Self::default();
        for piece in pieces {
            text.push(match piece {
                Piece::Text(text) => Part::Literal(text),
                Piece::Partition => Part::Partition,
                Piece::Region => Part::Region,
                Piece::Account => Part::Account,
            });
        }
        text
    }
}

/// As AWS's own templates write it.
impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for part in &self.0 {
            let pseudo = PSEUDO_PARAMETERS.iter().find(|(_, it)| it == part);
            match (part, pseudo) {
                (Part::Literal(text), _) => f.write_str(text)?,
                (_, pseudo) => f.write_str(pseudo.map_or("", |(written, _)| written))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_of_the_place_where_the_stack_is() {
        let arn = Text::arn("sns", "orders");
        assert_eq!(
            arn.to_string(),
            "arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:orders"
        );
        assert_eq!(Text::read(&arn.to_string()), arn);
        assert_eq!(arn.own_resource("sns"), Some("orders".into()));
        assert_eq!(arn.own_resource("sqs"), None);
        assert_eq!(Text::from("arn:aws:sns:eu-west-1:1:t").own_resource("sns"), None);
        let nested = Text::arn("lambda", "function:Pay:live");
        assert_eq!(nested.own_resource("lambda"), Some("function:Pay:live".into()));
    }

    #[test]
    fn a_text_is_split_where_a_character_stands_in_what_is_written() {
        let shown = |text: &str| {
            let pieces = Text::read(text).split('/');
            pieces.iter().map(Text::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown("a/b"), "a b");
        assert_eq!(shown("${AWS::Region}/b${AWS::AccountId}"), "${AWS::Region} b${AWS::AccountId}");
        assert_eq!(shown(""), "");
        assert_eq!(Text::from("a").literal(), Some("a"));
        assert_eq!(Text::read("${AWS::Region}").literal(), None);
        assert_eq!(Text::read("${AWS::StackName}").literal(), Some("${AWS::StackName}"));
    }
}
