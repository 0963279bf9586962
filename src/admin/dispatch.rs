//! From a request to its answer: who asks, which row of the table, which operation.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::HeaderName;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::Version;
use axum::http::header::CONNECTION;
use axum::http::header::CONTENT_LENGTH;
use axum::http::header::CONTENT_TYPE;
use axum::http::header::IF_MATCH;
use axum::http::header::IF_NONE_MATCH;
use axum::http::header::ORIGIN;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::Response;

use super::Api;
use super::audit;
use super::audit::Subject;
use super::backend::Backend;
use super::body;
use super::body::Input;
use super::body::Lost;
use super::guard::Denied;
use super::guard::Who;
use super::hashing;
use super::headers;
use super::headers::Asked;
use super::operate;
use super::operate::Condition;
use super::operate::Done;
use super::operate::Outcome;
use super::operate::Paging;
use super::operate::Task;
use super::query::Query;
use super::query::escape;
use super::query::unescape;
use super::reply::Reply;
use super::special;
use super::table::Action;
use super::table::Found;
use super::table::Place;
use super::table::TABLE;
use super::table::Verb;
use super::table::What;
use crate::base::clock;
use crate::base::limits::ADMIN_BODY_BYTES;
use crate::base::limits::ADMIN_BODY_STALL;
use crate::entity;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Page;
use crate::entity::Tags;
use crate::store;
use crate::store::Act;
use crate::store::Author;

/// A request that has been let in.
pub(super) struct Call<'t> {
    /// Who sent it.
    pub(super) who: Who,
    /// From where.
    pub(super) peer: Option<SocketAddr>,
    /// What it wants.
    pub(super) verb: Verb,
    /// The row, and the parameters as they stand in the path.
    pub(super) found: Found<'t, 't>,
    /// The parameters, decoded.
    pub(super) keys: Vec<String>,
    /// Its query.
    pub(super) query: Query,
    /// Its fields.
    pub(super) headers: &'t HeaderMap,
    /// Its body.
    pub(super) input: Input,
}

/// Answers any request.
pub(super) async fn answer<B: Backend>(
    State(api): State<Arc<Api<B>>>,
    request: Request,
) -> Response {
    let begun = clock::now();
    let asked = Asked {
        origin: request.headers().get(ORIGIN).cloned(),
        keep_alive: request.version() == Version::HTTP_11
            && request.headers().get(CONNECTION).is_none(),
    };
    let mut response = reply(&api, request).await.into_response();
    let millis = clock::now().nanos_since(begun) / 1_000_000;
    headers::finish(response.headers_mut(), asked, millis);
    response
}

async fn reply<B: Backend>(api: &Api<B>, request: Request) -> Reply {
    let (parts, body) = request.into_parts();
    let found = TABLE.find(parts.uri.path());
    if parts.method == Method::OPTIONS {
        return match found {
            Some(found) => headers::options(&found.endpoint.allow(), api.guard.has_tokens()),
            None => Reply::not_found(),
        };
    }
    let verb = Verb::of(parts.method.as_str());
    let action = found.as_ref().zip(verb);
    let action = action.and_then(|(found, verb)| found.endpoint.action(verb));
    let query = parts.uri.query().unwrap_or_default();
    let writes = match action {
        Some(Action::Entity(_)) | None => verb != Some(Verb::Get),
        Some(Action::Special(special)) => special.writes && !tries(special.what, query),
    };
    let is_probe =
        matches!(action, Some(Action::Special(special)) if matches!(special.what, What::Ready));
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| *peer);
    let admitted = match is_probe {
        true => api.guard.admit_probe(&parts.headers),
        false => api.guard.admit(&parts.headers, writes),
    };
    let who = match admitted {
        Ok(who) => who,
        Err(denied) => {
            if writes {
                audit::denied(peer, denied);
            }
            return deny(denied);
        }
    };
    let Some(found) = found else {
        return Reply::not_found();
    };
    let Some((verb, action)) = verb.zip(action) else {
        return Reply::method_not_allowed();
    };
    let keys = found.values.iter().map(|value| unescape(value)).collect();
    let Some(keys) = keys else {
        return Reply::message(StatusCode::BAD_REQUEST, "the path is not valid UTF-8");
    };
    let query = match Query::parse(query) {
        Ok(query) => query,
        Err(why) => return Reply::message(StatusCode::BAD_REQUEST, &why),
    };
    let input = match verb.has_body() {
        true => match read_body(&parts.headers, body).await {
            Ok(input) => input,
            Err(refusal) => return refusal,
        },
        false => Input::default(),
    };
    let call = Call {
        who,
        peer,
        verb,
        found,
        keys,
        query,
        headers: &parts.headers,
        input,
    };
    match action {
        Action::Entity(place) => entity(api, place, call).await,
        Action::Special(special) => special::reply(api, special.what, call).await,
    }
}

/// Whether something that writes is only to say what it would.
fn tries(what: What, query: &str) -> bool {
    let is_dry = || Query::parse(query).is_ok_and(|query| query.is_on("dry_run"));
    matches!(what, What::Replace) && is_dry()
}

fn deny(denied: Denied) -> Reply {
    let (status, text) = denied.answer();
    let reply = Reply::message(status, text);
    match status {
        StatusCode::UNAUTHORIZED => reply.with(WWW_AUTHENTICATE, "Bearer"),
        _ => reply,
    }
}

async fn read_body(headers: &HeaderMap, body: Body) -> Result<Input, Reply> {
    let too_large = || Reply::message(StatusCode::PAYLOAD_TOO_LARGE, "Payload too large");
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let declared = text(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > ADMIN_BODY_BYTES) {
        return Err(too_large());
    }
    let bytes = body::whole(body, ADMIN_BODY_BYTES, ADMIN_BODY_STALL).await;
    let bytes = bytes.map_err(|lost| match lost {
        Lost::TooLong => too_large(),
        Lost::Stalled => Reply::message(StatusCode::REQUEST_TIMEOUT, "Request body timeout"),
        Lost::Broken => Reply::message(StatusCode::BAD_REQUEST, "the body broke off"),
    })?;
    let decoded = body::decode(text(CONTENT_TYPE), &bytes).await;
    decoded.map_err(|refused| Reply::refused(&refused))
}

/// An operation on entities.
async fn entity<B: Backend>(api: &Api<B>, place: Place, call: Call<'_>) -> Reply {
    let header = |name: HeaderName| Some(call.headers.get(name)?.to_str().ok()?.to_owned());
    let condition = Condition {
        matching: header(IF_MATCH),
        differing: header(IF_NONE_MATCH),
    };
    let paging = match (place, call.verb) {
        (Place::All(kind), Verb::Get) => paging(Some(kind), &call.query),
        (Place::AllOf(_), Verb::Get) => paging(None, &call.query),
        _ => Ok(Paging::default()),
    };
    let paging = match paging {
        Ok(paging) => paging,
        Err(error) => return Reply::error(&error),
    };
    let link = Link::of(&call);
    let task = Task {
        place,
        verb: call.verb,
        keys: call.keys,
        input: call.input,
        condition,
        paging,
    };
    if call.verb == Verb::Get {
        let looked = api
            .backend
            .read(move |entities| operate::look(entities, &task));
        return match looked.await {
            Ok(outcome) => render(outcome, &link),
            Err(_) => Reply::leaving(),
        };
    }
    if !api.backend.writable() {
        let error = store::unwritable(act(call.verb), place.kind());
        let subject = Subject::Entity(place.kind(), None);
        let reply = Reply::error(&error);
        audit::wrote(&call.who, call.peer, call.verb, subject, reply.status);
        return reply;
    }
    let author = Author::new(&call.who.name);
    let plugins = api.plugins;
    let ready = hashing::of_task(api, &task).await;
    let write = move |entities: &mut Entities, env: &mut Env<'_>| {
        env.ready = ready;
        operate::write(entities, env, plugins, task)
    };
    let (kind, id, reply) = match api.backend.write(author, write).await {
        Ok(Ok(Done { outcome, kind, id })) => (kind, id, render(outcome, &link)),
        Ok(Err(error)) => (place.kind(), None, Reply::error(&error)),
        Err(_) => (place.kind(), None, Reply::leaving()),
    };
    audit::wrote(
        &call.who,
        call.peer,
        call.verb,
        Subject::Entity(kind, id),
        reply.status,
    );
    reply
}

const fn act(verb: Verb) -> Act {
    match verb {
        Verb::Post | Verb::Get => Act::Create,
        Verb::Put => Act::CreateOrUpdate,
        Verb::Patch => Act::Update,
        Verb::Delete => Act::Remove,
    }
}

/// Which part of a list a query asks for.
pub(super) fn paging(kind: Option<Kind>, query: &Query) -> Result<Paging, Error> {
    let size = query.get("size").map(entity::page_size).transpose()?;
    let tags = query.get("tags").map(Tags::parse).transpose()?;
    let custom_id = query
        .get("custom_id")
        .filter(|_| kind == Some(Kind::Consumers));
    Ok(Paging {
        size: size.unwrap_or(entity::PAGE_SIZE),
        offset: query.get("offset").map(str::to_owned),
        tags: tags.unwrap_or_default(),
        unique: custom_id.map(|value| ("custom_id", value.to_owned())),
    })
}

/// What the link to a list's next page is made of.
pub(super) struct Link {
    path: String,
    arguments: String,
}

impl Link {
    /// To the list that was asked for.
    pub(super) fn of(call: &Call<'_>) -> Self {
        let argument = |name: &str| {
            let value = call.query.get(name)?;
            Some(format!("&{name}={}", escape(value)))
        };
        let arguments = ["tags", "size"].into_iter().filter_map(argument);
        Self {
            path: call.path(),
            arguments: arguments.collect(),
        }
    }

    /// A page with its link.
    pub(super) fn page(&self, data: Vec<serde_json::Value>, offset: Option<String>) -> Reply {
        let mut body = serde_json::json!({ "data": data, "next": null });
        if let Some(offset) = offset {
            let (path, arguments) = (&self.path, &self.arguments);
            body["next"] = format!("{path}?offset={}{arguments}", escape(&offset)).into();
            body["offset"] = offset.into();
        }
        Reply::ok(body)
    }
}

impl Call<'_> {
    /// The path that was asked for, in the row's words.
    fn path(&self) -> String {
        let mut path = self.found.endpoint.path.clone();
        for (name, value) in self.found.endpoint.names().zip(&self.found.values) {
            path = path.replacen(&format!("{{{name}}}"), value, 1);
        }
        path
    }
}

fn render(outcome: Outcome, link: &Link) -> Reply {
    let shown = |status, document| {
        let tag = operate::tag_of(&document);
        Reply::json(status, document.into()).tagged(&tag)
    };
    match outcome {
        Outcome::Page(Page { data, offset }) => {
            let data = data.into_iter().map(serde_json::Value::Object);
            link.page(data.collect(), offset)
        }
        Outcome::Shown(document) => shown(StatusCode::OK, document),
        Outcome::Created(document) => shown(StatusCode::CREATED, document),
        Outcome::Gone => Reply::nothing(),
        Outcome::NotFound => Reply::not_found(),
        Outcome::NotModified(tag) => Reply::bare(StatusCode::NOT_MODIFIED).tagged(&tag),
        Outcome::Unexpected => Reply::precondition_failed(),
        Outcome::Failed(error) => Reply::error(&error),
    }
}
