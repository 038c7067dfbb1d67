//! Pages of lists: `Marker` says where one begins, `NextMarker` where the next one does.

use axum::{http::StatusCode, response::Response};
use serde_json::{Value, json};

use super::{
    Service,
    error::invalid_parameter,
    wire::{Asked, json as answer},
};
use crate::{constraint::Constraints, error::ApiError};

/// How many there are on a page at most (Lambda's API Reference, ListFunctions: "a maximum of 50 items
/// in each response, even if you set the number higher").
const SIZE: usize = 50;
/// The bounds of `MaxItems`.
const MAX_ITEMS: (i64, i64) = (1, 10_000);

/// Where something is in its list: a name, and a number among those of the name.
type Place = (String, u64);

/// Which page is asked for.
pub(super) struct Page<'a> {
    marker: Option<&'a str>,
    size: usize,
}

impl<'a> Page<'a> {
    /// Reads a request's `Marker` and `MaxItems`, and refuses it when these or what `check` has seen
    /// are wrong.
    pub(super) fn read(asked: &'a Asked, check: Constraints) -> Result<Self, ApiError> {
        let max_items = asked.number("MaxItems")?;
        check.range("maxItems", max_items, MAX_ITEMS).check()?;
        let size = max_items.and_then(|it| usize::try_from(it).ok()).unwrap_or(SIZE).min(SIZE);
        Ok(Self { marker: asked.query("Marker"), size })
    }

    /// The page of `all`, which are in the order of their places, as the member `items` of an answer.
    /// A marker is good for the list of the name that it was given for.
    pub(super) fn answer<T>(
        &self,
        service: &Service,
        items: &str,
        list: &str,
        all: &[T],
        place: impl Fn(&T) -> Place,
        show: impl Fn(&T) -> Value,
    ) -> Result<Response, ApiError> {
        let list = format!("lambda/{list}");
        let pages = &service.api.pages;
        let invalid = |_| invalid_parameter("The Marker is none that this list has given");
        let after = pages.place(&list, self.marker).map_err(invalid)?;
        // What is signed was written here.
        let after = after.as_deref().and_then(read);
        let begin =
            all.partition_point(|it| after.as_ref().is_some_and(|after| place(it) <= *after));
        let rest = &all[begin..];
        let page = &rest[..self.size.min(rest.len())];
        let mut body = json!({});
        body[items] = page.iter().map(show).collect();
        if let Some(last) = page.last().filter(|_| page.len() < rest.len()) {
            let (name, number) = place(last);
            body["NextMarker"] = pages.token(&list, &format!("{number}/{name}")).into();
        }
        Ok(answer(StatusCode::OK, &body))
    }
}

fn read(text: &str) -> Option<Place> {
    let (number, name) = text.split_once('/')?;
    Some((name.to_owned(), number.parse().ok()?))
}
