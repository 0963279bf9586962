//! A credential in a request's body: a form, a JSON object or a multipart form, by its `Content-Type`.

use super::json;
use super::multipart;
use super::pairs;
use super::pairs::Lookup;

/// What a body's parts are called and where they stand.
#[derive(Clone, Copy, Debug)]
enum Form<'a> {
    Pairs,
    Json,
    Multipart(&'a [u8]),
    /// One that is not looked into.
    Opaque,
}

/// What a body of this type holds under `name`. Of JSON, [`Lookup::Bare`] is a value that is no text, and an array or
/// an object counts as several.
pub(in crate::plugin) fn look_up<'a>(
    content_type: Option<&[u8]>,
    body: &'a [u8],
    name: &[u8],
) -> Lookup<'a> {
    match form(content_type) {
        Form::Pairs => pairs::look_up(body, name),
        Form::Json => json::look_up(body, name),
        Form::Multipart(boundary) => multipart::look_up(body, boundary, name),
        Form::Opaque => Lookup::Missing,
    }
}

/// The body without what is under `name`; none if there is nothing.
pub(in crate::plugin) fn without(
    content_type: Option<&[u8]>,
    body: &[u8],
    name: &[u8],
) -> Option<Vec<u8>> {
    match form(content_type) {
        Form::Pairs => pairs::without(body, name),
        Form::Json => json::without(body, name),
        Form::Multipart(boundary) => multipart::without(body, boundary, name),
        Form::Opaque => None,
    }
}

fn form(content_type: Option<&[u8]>) -> Form<'_> {
    let Some(content_type) = content_type else {
        return Form::Opaque;
    };
    let is = |kind: &[u8]| {
        let start = content_type.get(..kind.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(kind))
    };
    if is(b"application/x-www-form-urlencoded") {
        Form::Pairs
    } else if is(b"application/json") {
        Form::Json
    } else if is(b"multipart/form-data") {
        multipart::boundary(content_type).map_or(Form::Opaque, Form::Multipart)
    } else {
        Form::Opaque
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::any;
    use proptest::prop_assert;
    use proptest::proptest;

    #[test]
    fn the_type_decides_how_a_body_is_read() {
        let one = |value: &'static str| Lookup::One(value.as_bytes().into());
        let look = |kind: Option<&str>, body| look_up(kind.map(str::as_bytes), body, b"k");
        assert_eq!(
            look(Some("application/x-www-form-urlencoded"), b"k=1"),
            one("1")
        );
        assert_eq!(
            look(Some("Application/JSON; charset=utf-8"), br#"{"k":"1"}"#),
            one("1")
        );
        let multipart = b"--x\r\nContent-Disposition: form-data; name=k\r\n\r\n1\r\n--x--\r\n";
        assert_eq!(
            look(Some("multipart/form-data; boundary=x"), multipart),
            one("1")
        );
        assert_eq!(
            look(Some("multipart/form-data"), multipart),
            Lookup::Missing
        );
        assert_eq!(look(Some("text/plain"), b"k=1"), Lookup::Missing);
        assert_eq!(look(None, b"k=1"), Lookup::Missing);
    }

    proptest! {
        #[test]
        fn no_body_is_too_strange(
            kind in 0_usize..3,
            body in proptest::collection::vec(proptest::sample::select(
                b"{}[]\",:k\\ 1--x\r\n=&;nameCD".to_vec()), 0..60),
            noise in any::<Vec<u8>>(),
        ) {
            let kinds = ["application/json", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"];
            let kind = Some(kinds[kind].as_bytes());
            for body in [body, noise] {
                if let Some(rest) = without(kind, &body, b"k") {
                    prop_assert!(rest.len() < body.len());
                    prop_assert!(look_up(kind, &rest, b"k") == Lookup::Missing);
                }
            }
        }
    }
}
