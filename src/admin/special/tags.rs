//! `/tags`: who has which tag.

use serde_json::json;
use uuid::Uuid;

use crate::admin::Api;
use crate::admin::backend::Backend;
use crate::admin::dispatch::Call;
use crate::admin::dispatch::Link;
use crate::admin::dispatch::paging;
use crate::admin::reply::Reply;
use crate::entity::Error;
use crate::entity::Kind;

/// An entity's tag.
type Tagged = (Kind, Uuid, String);

/// `GET /tags`, `GET /tags/{tags}`
pub(super) async fn list<B: Backend>(api: &Api<B>, tag: Option<String>, call: &Call<'_>) -> Reply {
    let paging = match paging(None, &call.query) {
        Ok(paging) => paging,
        Err(error) => return Reply::error(&error),
    };
    let begin = match paging.offset.as_deref().map(read_offset).transpose() {
        Ok(begin) => begin,
        Err(error) => return Reply::error(&error),
    };
    let tagged = api.backend.read(move |entities| {
        let tagged = entities.tagged(tag.as_deref());
        let tagged = tagged.map(|(kind, id, tag)| (kind, id, tag.to_owned()));
        let mut tagged: Vec<Tagged> = tagged.collect();
        tagged.sort_unstable();
        tagged
    });
    let Ok(tagged) = tagged.await else {
        return Reply::leaving();
    };
    let from = begin.map_or(0, |begin| tagged.partition_point(|other| *other < begin));
    let rest = tagged.get(from..).unwrap_or_default();
    let (page, next) = rest.split_at(rest.len().min(paging.size));
    let data = page.iter().map(
        |(kind, id, tag)| json!({ "entity_name": kind.as_str(), "entity_id": id, "tag": tag }),
    );
    Link::of(call).page(data.collect(), next.first().map(offset_of))
}

fn offset_of((kind, id, tag): &Tagged) -> String {
    format!("{}.{id}.{tag}", kind.as_str())
}

fn read_offset(text: &str) -> Result<Tagged, Error> {
    let read = || {
        let (kind, rest) = text.split_once('.')?;
        let (id, tag) = rest.split_once('.')?;
        Some((Kind::of(kind)?, id.parse().ok()?, tag.to_owned()))
    };
    read().ok_or_else(|| Error::invalid_offset(text, "no tag's place"))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::offset_of;
    use super::read_offset;
    use crate::entity::Kind;

    #[test]
    fn places_survive_the_round_trip() {
        let tagged = (Kind::JwtSecrets, Uuid::from_u128(7), "a.b c".to_owned());
        assert_eq!(read_offset(&offset_of(&tagged)).unwrap(), tagged);
        for bad in [
            "",
            "services",
            "services.x.y",
            "zzz.00000000-0000-0000-0000-000000000007.a",
        ] {
            assert_eq!(read_offset(bad).unwrap_err().code, 7, "{bad}");
        }
    }
}
