//! Results in pages (XEP-0059): what part of a list is wanted, and what part it is that was sent.

use crate::namespace;
use crate::xml::Element;

/// The part of a list that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageRequest {
    /// At most so many; zero asks for the count alone (§2.6).
    pub max: Option<usize>,
    /// Where the page lies.
    pub place: Place,
}

/// Where a page lies in the list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// At the beginning.
    #[default]
    First,
    /// Behind the item with this id.
    After(String),
    /// In front of the item with this id.
    Before(String),
    /// At the end.
    Last,
    /// From this place on, counted from zero.
    Index(usize),
}

/// What part of the list was sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The ids of the first and the last item sent; `None` for an empty page.
    pub ends: Option<(String, String)>,
    /// The first item's place in the list, counted from zero.
    pub first_index: Option<usize>,
    /// How long the list is.
    pub count: Option<usize>,
}

/// The request has something that is no number where one is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a bound of the page is no number")]
pub struct PageRequestError;

impl PageRequest {
    /// Reads the `<set/>` among the children of `query`; without one the whole list is asked for.
    pub fn of(query: &Element) -> Result<Option<Self>, PageRequestError> {
        query.child("set", namespace::RSM).map(Self::read).transpose()
    }

    fn read(set: &Element) -> Result<Self, PageRequestError> {
        let number = |name: &str| {
            let text = set.child_text(name, namespace::RSM);
            text.map(|text| text.trim().parse::<usize>().map_err(|_not_a_number| PageRequestError))
                .transpose()
        };
        let text = |name: &str| set.child_text(name, namespace::RSM);
        let place = match (text("after"), text("before"), number("index")?) {
            (Some(id), _, _) if !id.is_empty() => Place::After(id),
            (_, Some(id), _) if !id.is_empty() => Place::Before(id),
            (_, Some(_), _) => Place::Last,
            (_, _, Some(index)) => Place::Index(index),
            _ => Place::First,
        };
        Ok(Self { max: number("max")?, place })
    }
}

impl Page {
    /// The `<set/>` that goes with the page.
    pub fn to_element(&self) -> Element {
        let text = |name: &str, text: &str| Element::new(name, namespace::RSM).with_text(text);
        let first = self.ends.as_ref().map(|(first, _)| {
            text("first", first).with_optional("index", self.first_index.map(|index| index.to_string()))
        });
        Element::new("set", namespace::RSM)
            .with_children(first)
            .with_children(self.ends.as_ref().map(|(_, last)| text("last", last)))
            .with_children(self.count.map(|count| text("count", &count.to_string())))
    }
}

/// The page that is asked for, of a list that is all in memory, in the order of its ids. `None`: the item that the
/// page was to lie beside is not in the list (§2.4: item-not-found).
pub fn page_of<'a, T>(
    list: &'a [T],
    id: impl Fn(&T) -> &str,
    request: &PageRequest,
) -> Option<(&'a [T], Page)> {
    let max = request.max.unwrap_or(list.len());
    let position = |wanted: &str| list.iter().position(|item| id(item) == wanted);
    let range = match &request.place {
        Place::First => 0..max,
        Place::Index(index) => *index..index.saturating_add(max),
        Place::After(wanted) => {
            let start = position(wanted)? + 1;
            start..start.saturating_add(max)
        }
        Place::Before(wanted) => {
            let end = position(wanted)?;
            end.saturating_sub(max)..end
        }
        Place::Last => list.len().saturating_sub(max)..list.len(),
    };
    let (start, end) = (range.start.min(list.len()), range.end.min(list.len()));
    let items = &list[start..end];
    let ends = items.first().zip(items.last()).map(|(first, last)| (id(first).into(), id(last).into()));
    let first_index = ends.is_some().then_some(start);
    Some((items, Page { ends, first_index, count: Some(list.len()) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(inner: &str) -> Result<Option<PageRequest>, PageRequestError> {
        let xml = format!("<query xmlns='urn:tea'>{inner}</query>");
        PageRequest::of(&Element::parse(xml.as_bytes(), namespace::CLIENT).unwrap())
    }

    #[test]
    fn a_request_says_how_many_and_where() {
        let check = |inner: &str, max, place| {
            let set = format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
            assert_eq!(request(&set), Ok(Some(PageRequest { max, place })), "{inner}");
        };
        check("", None, Place::First);
        check("<max>10</max>", Some(10), Place::First);
        check("<max>0</max>", Some(0), Place::First);
        check("<max>10</max><after>x</after>", Some(10), Place::After("x".into()));
        check("<max>10</max><after/>", Some(10), Place::First);
        check("<max>10</max><before/>", Some(10), Place::Last);
        check("<before>x</before>", None, Place::Before("x".into()));
        check("<max>2</max><index>7</index>", Some(2), Place::Index(7));
        assert_eq!(request(""), Ok(None));
        for wrong in ["<max>many</max>", "<max>-1</max>", "<index>x</index>"] {
            let set = format!("<set xmlns='http://jabber.org/protocol/rsm'>{wrong}</set>");
            assert_eq!(request(&set), Err(PageRequestError), "{wrong}");
        }
    }

    #[test]
    fn pages_join_without_gap_or_overlap() {
        let list = ["a", "b", "c", "d", "e"];
        let check = |max, place, expected: Option<&[&str]>, index| {
            let found = page_of(&list, |item| item, &PageRequest { max, place: place_of(place) });
            assert_eq!(found.as_ref().map(|(items, _)| *items), expected, "{max:?} {place:?}");
            if let Some((_, page)) = found {
                assert_eq!((page.first_index, page.count), (index, Some(5)), "{max:?} {place:?}");
            }
        };
        check(None, "", Some(&list), Some(0));
        check(Some(2), "", Some(&["a", "b"]), Some(0));
        check(Some(2), ">b", Some(&["c", "d"]), Some(2));
        check(Some(2), ">d", Some(&["e"]), Some(4));
        check(Some(2), ">e", Some(&[]), None);
        check(Some(2), "<", Some(&["d", "e"]), Some(3));
        check(Some(2), "<d", Some(&["b", "c"]), Some(1));
        check(Some(2), "<b", Some(&["a"]), Some(0));
        check(Some(0), "", Some(&[]), None);
        check(Some(2), "3", Some(&["d", "e"]), Some(3));
        check(Some(2), "9", Some(&[]), None);
        check(Some(2), ">x", None, None);
    }

    fn place_of(text: &str) -> Place {
        match text.split_at(text.len().min(1)) {
            ("", _) => Place::First,
            (">", id) => Place::After(id.into()),
            ("<", "") => Place::Last,
            ("<", id) => Place::Before(id.into()),
            _ => Place::Index(text.parse().unwrap()),
        }
    }

    #[test]
    fn a_page_says_what_it_is() {
        let check = |page: Page, expected: &str| {
            let bytes = page.to_element().to_bytes(namespace::RSM);
            assert_eq!(str::from_utf8(&bytes).unwrap(), expected);
        };
        let ends = Some(("a".to_string(), "b".to_string()));
        check(
            Page { ends, first_index: Some(0), count: Some(5) },
            "<set><first index='0'>a</first><last>b</last><count>5</count></set>",
        );
        check(Page { count: Some(0), ..Page::default() }, "<set><count>0</count></set>");
    }
}
