//! `GET /explain`: what would become of a request.

use axum::http::StatusCode;
use tokio::task::spawn_blocking;

use crate::admin::query::Query;
use crate::admin::reply::Reply;
use crate::control::Handle;
use crate::explain;
use crate::explain::FieldLine;
use crate::explain::Question;
use crate::explain::print;

/// `GET /explain`
pub(super) async fn explain(control: &Handle, query: &Query) -> Reply {
    let (question, lines) = match read(query) {
        Ok(read) => read,
        Err(why) => return Reply::message(StatusCode::BAD_REQUEST, &why),
    };
    let Some(model) = control.running().await else {
        return Reply::leaving();
    };
    // A configuration of 15,000 routes is compiled for it.
    let tried = spawn_blocking(move || {
        let tried = explain::try_request(&model, &question, &lines)?;
        Ok::<_, String>(print::value(&question, &tried))
    });
    match tried.await {
        Ok(Ok(found)) => Reply::ok(found),
        Ok(Err(why)) => Reply::message(StatusCode::BAD_REQUEST, &why),
        Err(_) => Reply::message(
            StatusCode::INTERNAL_SERVER_ERROR,
            "An unexpected error occurred",
        ),
    }
}

fn read(query: &Query) -> Result<(Question, Vec<FieldLine>), String> {
    let url = query.get("url").unwrap_or_default();
    if url.is_empty() {
        return Err("url: required field missing".to_owned());
    }
    let method = query.get("method").unwrap_or("GET");
    let question =
        Question::parse(&format!("{method} {url}")).map_err(|why| format!("url: {why}"))?;
    let lines = query
        .all("header")
        .map(FieldLine::parse)
        .collect::<Result<_, _>>();
    Ok((question, lines.map_err(|why| format!("header: {why}"))?))
}

#[cfg(test)]
mod tests {
    use super::Query;
    use super::read;

    #[test]
    fn questions_are_read_or_refused() {
        let read = |text: &str| read(&Query::parse(text).unwrap());
        let (question, lines) =
            read("url=http://a.test/x&method=POST&header=A:+1&header=B:2").unwrap();
        assert_eq!(
            (question.method.as_str(), question.target.as_str()),
            ("POST", "/x")
        );
        assert_eq!(lines.len(), 2);
        for bad in [
            "",
            "url=",
            "url=ftp://x",
            "url=http://a&method=a+b",
            "url=http://a&header=x",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
