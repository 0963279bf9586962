//! Which entities a list shows, and how a reader comes from one page of it to the next.

use uuid::Uuid;

use super::Document;
use super::Error;
use super::base64;

/// Most entities of a page.
pub const PAGE_SIZE_MAX: usize = 1_000;
/// Entities of a page if the reader does not say.
pub const PAGE_SIZE: usize = 100;

/// Which entities a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those whose reference of this name leads to this entity.
    pub foreign: Option<(&'static str, Uuid)>,
    /// Those with such tags.
    pub tags: Tags,
}

/// A condition on tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tags {
    /// None.
    #[default]
    Any,
    /// Every one of these: `a,b`.
    AllOf(Vec<String>),
    /// At least one of these: `a/b`.
    AnyOf(Vec<String>),
}

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// In the order of their ids.
    pub data: Vec<Document>,
    /// Where the next page begins, unless this is the last.
    pub offset: Option<String>,
}

impl Tags {
    /// Reads the query argument `tags`.
    ///
    /// # Errors
    /// Kong's code 11.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refuse = |why: &str| {
            let options = Document::from_iter([("tags".to_owned(), why.into())]);
            Err(Error::invalid_options(options))
        };
        let words = |separator| text.split(separator).map(str::to_owned).collect();
        match (text.contains(','), text.contains('/')) {
            _ if text.is_empty() => refuse("cannot be null"),
            (true, true) => refuse("invalid filter syntax"),
            (_, false) if text.split(',').all(|word| !word.is_empty()) => {
                Ok(Self::AllOf(words(',')))
            }
            (false, true) if text.split('/').all(|word| !word.is_empty()) => {
                Ok(Self::AnyOf(words('/')))
            }
            _ => refuse("invalid filter syntax"),
        }
    }

    /// Whether an entity with these tags is shown.
    pub(super) fn admit(&self, has: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::AllOf(wanted) => wanted.iter().all(|tag| has(tag)),
            Self::AnyOf(wanted) => wanted.iter().any(|tag| has(tag)),
        }
    }
}

/// Reads the query argument `size`.
///
/// # Errors
/// Kong's code 9.
pub fn page_size(text: &str) -> Result<usize, Error> {
    let Ok(number) = text.trim().parse::<f64>() else {
        return Err(Error::invalid_size("size must be a number"));
    };
    if number.fract() == 0.0 && (1.0..=PAGE_SIZE_MAX as f64).contains(&number) {
        return Ok(number as usize);
    }
    let range = format!("size must be an integer between 1 and {PAGE_SIZE_MAX}");
    Err(Error::invalid_size(&range))
}

/// Where a page begins, as Kong writes it: the id in a JSON list in URL-safe base64.
pub(super) fn offset_of(id: Uuid) -> String {
    base64::encode(format!("[\"{id}\"]").as_bytes())
}

/// The id at which a page begins.
pub(super) fn read_offset(offset: &str) -> Result<Uuid, Error> {
    let bytes =
        base64::decode(offset).ok_or_else(|| Error::invalid_offset(offset, "bad base64 encoding"));
    let ids: Vec<Uuid> = serde_json::from_slice::<Vec<String>>(&bytes?)
        .map_err(|_| Error::invalid_offset(offset, "bad json encoding"))?
        .iter()
        .filter_map(|id| id.parse().ok())
        .collect();
    match ids[..] {
        [id] => Ok(id),
        _ => Err(Error::invalid_offset(offset, "bad json encoding")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_those_of_kong() {
        let id = Uuid::parse_str("272d8d53-83ad-450e-b79e-e26be01d8e17").unwrap();
        let offset = "WyIyNzJkOGQ1My04M2FkLTQ1MGUtYjc5ZS1lMjZiZTAxZDhlMTciXQ";
        assert_eq!(offset_of(id), offset);
        assert_eq!(read_offset(offset).unwrap(), id);
        let refused = |offset: &str| read_offset(offset).unwrap_err().message;
        assert_eq!(
            refused("zzz"),
            "'zzz' is not a valid offset: bad json encoding"
        );
        assert_eq!(
            refused("!"),
            "'!' is not a valid offset: bad base64 encoding"
        );
    }

    #[test]
    fn sizes_are_whole_and_bounded() {
        assert_eq!(page_size("2").unwrap(), 2);
        assert_eq!(
            page_size("abc").unwrap_err().message,
            "size must be a number"
        );
        for text in ["0", "1001", "1.5", "-1"] {
            assert_eq!(
                page_size(text).unwrap_err().message,
                "size must be an integer between 1 and 1000"
            );
        }
    }

    #[test]
    fn tags_are_joined_by_and_or_by_or() {
        let (a, b) = ("a".to_owned(), "b".to_owned());
        let both = vec![a, b];
        assert_eq!(Tags::parse("a,b").unwrap(), Tags::AllOf(both.clone()));
        assert_eq!(Tags::parse("a/b").unwrap(), Tags::AnyOf(both));
        assert_eq!(
            Tags::parse("a,b/c").unwrap_err().message,
            "invalid option (tags: invalid filter syntax)"
        );
        assert_eq!(
            Tags::parse("").unwrap_err().message,
            "invalid option (tags: cannot be null)"
        );
    }
}
