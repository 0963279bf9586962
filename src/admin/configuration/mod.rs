//! The stored entities as a whole: in Kong's declarative format, replaced at once, as they were, and back.

mod changes;
mod faults;
mod history;
mod replace;

use axum::http::StatusCode;
use serde_json::Value;
use serde_json::json;

use super::Api;
use super::backend::Backend;
use super::dispatch::Call;
use super::hashing;
use super::reply::Reply;
use crate::declarative;
use crate::declarative::Declaration;
use crate::declarative::Misplaced;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::Origin;
use crate::entity::plain;
use crate::store::Author;
use faults::Faults;
use replace::Purpose;
use replace::Replaced;

pub(super) use history::diff;
pub(super) use history::list;
pub(super) use history::roll_back;
pub(super) use history::show;

/// `GET /config`
pub(super) async fn get<B: Backend>(api: &Api<B>) -> Reply {
    let plugins = api.plugins;
    let look =
        move |entities: &_| written(entities, |kind, document| plain(kind, document, plugins));
    match api.backend.read(look).await {
        Ok(Ok(text)) => Reply::ok(json!({ "config": text })),
        Ok(Err(_)) => Reply::unexpected(),
        Err(_) => Reply::leaving(),
    }
}

/// Every stored entity in declarative form, as YAML; `change` sees each before.
fn written(
    entities: &Entities,
    mut change: impl FnMut(Kind, &mut Document),
) -> Result<String, String> {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        let stored = entities
            .iter(kind)
            .filter(|row| *row.origin == Origin::Store);
        for row in stored {
            let mut document = row.doc();
            change(kind, &mut document);
            if kind == Kind::Certificates {
                // Server names are entities of their own.
                document.remove("snis");
            }
            rows.push((kind, row.id, document));
        }
    }
    declarative::to_yaml(&declarative::nest(rows))
}

/// `POST /config`
pub(super) async fn post<B: Backend>(api: &Api<B>, call: Call<'_>) -> Reply {
    let flat = call.query.is_on("flatten_errors");
    let (declaration, known) = match read(call.input.document) {
        Ok(declared) => declared,
        Err(faults) => return refuse(&faults, flat),
    };
    if !api.backend.writable() {
        if !known.is_empty() {
            return refuse(&known, flat);
        }
        let text = "entities can be replaced only where there is a [store]";
        return Reply::error(&Error::operation_unsupported(text));
    }
    let purpose = match (call.query.is_on("dry_run"), call.query.is_on("check_hash")) {
        (true, _) => Purpose::Try,
        (false, true) => Purpose::ReplaceIfOther,
        (false, false) => Purpose::Replace,
    };
    let author = Author::new(&call.who.name);
    let ready = hashing::of_declaration(api, &declaration).await;
    let replace = move |entities: &mut Entities, env: &mut Env<'_>| {
        env.ready = ready;
        replace::replace(entities, env, (declaration, known), purpose)
    };
    match api.backend.write(author, replace).await {
        Ok(Ok(Ok(replaced))) => taken(replaced, purpose),
        Ok(Ok(Err(faults))) => refuse(&faults, flat),
        Ok(Err(error)) => Reply::error(&error),
        Err(_) => Reply::leaving(),
    }
}

/// The document itself, or the text that it holds, and what is known to be wrong with it.
fn read(document: Document) -> Result<(Declaration, Faults), Faults> {
    let read = match document.get("config") {
        Some(Value::String(text)) if !document.contains_key("_format_version") => {
            declarative::parse(text).and_then(declarative::survey)
        }
        _ => declarative::survey(Value::Object(document)),
    };
    let (declaration, mut wrong) = read.map_err(|misplaced| Faults::of_document(&misplaced))?;
    wrong.extend(declaration.unsupported.iter().map(|unknown| Misplaced {
        path: unknown.path.clone(),
        message: "unknown field".to_owned(),
    }));
    let known = Faults::of_document(&wrong);
    Ok((declaration, known))
}

fn refuse(faults: &Faults, flat: bool) -> Reply {
    Reply::json(StatusCode::BAD_REQUEST, faults.body(flat))
}

fn taken(replaced: Replaced, purpose: Purpose) -> Reply {
    match purpose {
        Purpose::Try => Reply::ok(json!({ "changes": replaced.changes })),
        Purpose::ReplaceIfOther if replaced.changes.is_empty() => {
            Reply::bare(StatusCode::NOT_MODIFIED)
        }
        Purpose::Replace | Purpose::ReplaceIfOther => {
            Reply::json(StatusCode::CREATED, Value::Object(replaced.entities))
        }
    }
}
