//! `multipart/form-data`: each part is a field, one of type JSON is the value that it holds.

use bytes::Bytes;
use futures_util::stream;
use multer::Multipart;
use serde_json::Value;

use super::essence;

/// Most parts of one message.
const PARTS_MAX: usize = 1_000;

/// The parts in their order.
pub(super) async fn parts(
    content_type: &str,
    bytes: &[u8],
) -> Result<Vec<(String, Value)>, String> {
    let boundary = multer::parse_boundary(content_type).map_err(|error| error.to_string())?;
    let whole = Bytes::copy_from_slice(bytes);
    let whole = stream::once(std::future::ready(Ok::<_, multer::Error>(whole)));
    let mut message = Multipart::new(whole, boundary);
    let mut parts = Vec::new();
    while let Some(part) = message
        .next_field()
        .await
        .map_err(|error| error.to_string())?
    {
        if parts.len() == PARTS_MAX {
            return Err(format!("more than {PARTS_MAX} parts"));
        }
        let name = part.name().map(str::to_owned);
        let name = name.ok_or_else(|| "a part has no name".to_owned())?;
        let is_json = part
            .content_type()
            .is_some_and(|kind| essence(kind.as_ref()) == "application/json");
        let bytes = part.bytes().await.map_err(|error| error.to_string())?;
        let value = if is_json {
            serde_json::from_slice(&bytes).map_err(|_| format!("part '{name}' is not JSON"))?
        } else {
            let text = std::str::from_utf8(&bytes);
            Value::from(text.map_err(|_| format!("part '{name}' is not valid UTF-8"))?)
        };
        parts.push((name, value));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::json;

    use super::parts;

    fn read(body: &[u8]) -> Result<serde_json::Value, String> {
        let parts = parts("multipart/form-data; boundary=\"b\"", body);
        let parts = parts.now_or_never().unwrap()?;
        Ok(parts.into_iter().collect::<serde_json::Map<_, _>>().into())
    }

    #[test]
    fn parts_are_texts_or_the_json_that_they_say_they_are() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"f\"\r\n\r\nx\r\ny\r\n\
            --b\r\nContent-Disposition: form-data; name=\"c\"\r\nContent-Type: application/json\r\n\r\n[1]\r\n--b--\r\n";
        assert_eq!(read(body), Ok(json!({"a": "x\r\ny", "c": [1]})));
    }

    #[test]
    fn broken_messages_are_refused() {
        let part = |head: &str, body: &[u8]| {
            [
                b"--b\r\n",
                head.as_bytes(),
                b"\r\n\r\n",
                body,
                b"\r\n--b--\r\n",
            ]
            .concat()
        };
        let named = "Content-Disposition: form-data; name=\"a\"";
        assert!(read(&part(named, b"\xff")).is_err());
        assert!(read(&part("Content-Disposition: form-data", b"x")).is_err());
        let json = format!("{named}\r\nContent-Type: application/json");
        assert!(read(&part(&json, b"{")).is_err());
        assert!(read(b"--b\r\nContent-Disp").is_err());
        assert!(read(b"").is_err());
    }
}
