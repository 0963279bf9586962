//! request-transformer: changes a request's method, path, fields, body and query on its way to the origin.
//!
//! Order of work as in Kong: path, method, fields, body, query; inside each remove, rename, replace, add, append. Values
//! may be templates, filled from the request as it was before this plugin.

mod body;
mod headers;
mod rules;
mod schema;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Blueprint;
use super::Definition;
use super::Edits;
use super::Interrupt;
use super::Needs;
use super::Plugin;
use super::Request;
use super::transform::args::Args;
use crate::http::Cause;
use crate::http::Name;
use crate::http::RequestHead;
use crate::http::path;
use crate::http::reply::Reply;
use crate::router::Captures;

use body::Kind;
use body::TooLarge;
use rules::Compiled;
use rules::Config;
use template::Source;
use template::Template;

/// The plugin.
pub const DEFINITION: Definition = Definition {
    name: "request-transformer",
    priority: 801,
    about: "changes requests on their way to the origin",
    config: schema::SCHEMA,
    consumer_scope: true,
    denies: false,
    compile,
};

/// A configuration of it.
#[derive(Debug)]
struct RequestTransformer {
    rules: Compiled,
    needs: Needs,
    /// Some value depends on the request.
    has_templates: bool,
}

/// A request as it was before this plugin.
struct Before<'a> {
    head: &'a RequestHead,
    bytes: &'a [u8],
    edits: Edits,
    query: Cow<'a, [u8]>,
    captures: Option<Captures<'a>>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let rules = blueprint.parse::<Config>()?.compile()?;
    let mut needs = Needs::REQUEST;
    if !rules.body.is_empty() || moves_form(&rules) {
        needs = needs.and(Needs::REQUEST_BODY);
    }
    if rules.templates().any(Template::captures) {
        needs = needs.and(Needs::CAPTURES);
    }
    let has_templates = !rules.templates().all(Template::is_constant);
    Ok(Arc::new(RequestTransformer {
        rules,
        needs,
        has_templates,
    }))
}

/// Whether a form goes from the body into the query, because the new method gives a body no meaning.
fn moves_form(rules: &Compiled) -> bool {
    matches!(rules.method.as_deref(), Some("GET" | "HEAD" | "TRACE"))
}

impl Plugin for RequestTransformer {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let before = Before::of(request, self.has_templates);
        self.change_path(&before, request);
        let changed = self.change_method(request).and_then(|()| {
            headers::transform(&self.rules.headers, &before, request);
            self.change_body(&before, request)
        });
        if let Err(TooLarge) = changed {
            // Forwarding it unchanged would let a client choose whether the rules apply to it.
            let reply = Reply::of(Cause::RequestBodyTooLarge);
            let detail = "more than request-transformer looks through";
            return ControlFlow::Break(reply.with_detail(detail).into());
        }
        self.change_query(&before, request);
        ControlFlow::Continue(())
    }
}

impl RequestTransformer {
    fn change_path(&self, before: &Before<'_>, request: &mut Request<'_>) {
        if let Some(uri) = &self.rules.uri {
            request.rewrite.path = Some(path_of(uri, before).into());
        }
    }

    fn change_method(&self, request: &mut Request<'_>) -> Result<(), TooLarge> {
        let Some(method) = &self.rules.method else {
            return Ok(());
        };
        request.rewrite.method = Some(method.as_bytes().into());
        let kind = request.field(b"content-type").and_then(Kind::of);
        if !moves_form(&self.rules) || kind != Some(Kind::Form) {
            return Ok(());
        }
        let query = query(request);
        let mut args = Args::decode(&query);
        let form = body(request).ok_or(TooLarge)?;
        if Args::count(form) > crate::base::limits::TRANSFORM_MEMBERS {
            return Err(TooLarge);
        }
        let form = Args::decode(form);
        if form.is_empty() {
            return Ok(());
        }
        for (name, value) in form.iter() {
            args.push(name, value);
        }
        let query = args.encode_sorted();
        request.rewrite.query = Some(Some(query.into()));
        Ok(())
    }

    fn change_body(&self, before: &Before<'_>, request: &mut Request<'_>) -> Result<(), TooLarge> {
        if self.rules.body.is_empty() {
            return Ok(());
        }
        let content_type = request.field(b"content-type").unwrap_or_default();
        let Some(kind) = Kind::of(content_type).filter(|_| !is_coded(request)) else {
            return Ok(());
        };
        let present = body(request).ok_or(TooLarge)?;
        let changed = body::transform(&self.rules.body, before, kind, content_type, present)?;
        if let Some(changed) = changed {
            request.rewrite.body = Some(changed);
        }
        Ok(())
    }

    fn change_query(&self, before: &Before<'_>, request: &mut Request<'_>) {
        if self.rules.query.is_empty() {
            return;
        }
        let query = query(request);
        let mut args = Args::decode(&query);
        body::change(&self.rules.query, before, &mut args);
        let query = Some(args.encode_sorted()).filter(|query| !query.is_empty());
        request.rewrite.query = Some(query.map(Into::into));
    }
}

/// A template as a path.
fn path_of(uri: &Template, source: &dyn Source) -> Vec<u8> {
    let mut out = Vec::new();
    uri.fill(source, |piece, filled| escape(&mut out, piece, filled));
    if out.first() != Some(&b'/') {
        out.insert(0, b'/');
    }
    out
}

/// Appends a piece of a path as it may stand in a request line. A piece that fills a template is one of the path alone:
/// it cannot begin a query.
fn escape(out: &mut Vec<u8>, piece: &[u8], filled: bool) {
    let start = out.len();
    path::escape_into(out, piece);
    let written = out.split_off(start);
    for byte in written {
        match byte {
            b'#' => out.extend_from_slice(b"%23"),
            b'?' if filled => out.extend_from_slice(b"%3F"),
            byte => out.push(byte),
        }
    }
}

/// The query as it is now.
fn query<'a>(request: &Request<'a>) -> Cow<'a, [u8]> {
    match &request.rewrite.query {
        Some(query) => Cow::Owned(query.as_deref().unwrap_or_default().to_vec()),
        None => Cow::Borrowed(request.query().unwrap_or_default()),
    }
}

/// The body as it is now; none if it is too long to be here.
fn body<'r>(request: &'r Request<'_>) -> Option<&'r [u8]> {
    request.rewrite.body.as_deref().or(request.body)
}

/// Whether the body is compressed, so that there is nothing to be read in it.
fn is_coded(request: &Request<'_>) -> bool {
    let coding = request.field(b"content-encoding").unwrap_or_default();
    !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity")
}

impl<'a> Before<'a> {
    /// A copy of what templates may look at; of nothing if there are none.
    fn of(request: &Request<'a>, has_templates: bool) -> Self {
        Self {
            head: request.head,
            bytes: request.bytes,
            edits: if has_templates {
                request.upstream.clone()
            } else {
                Edits::default()
            },
            query: if has_templates {
                query(request)
            } else {
                Cow::Borrowed(b"")
            },
            captures: request.captures,
        }
    }

    fn field(&self, name: &[u8]) -> Option<&[u8]> {
        if let Some(value) = self.edits.added(name) {
            return Some(value);
        }
        if self.edits.removes(Name::of(name), name) {
            return None;
        }
        self.head.fields.all_named(name, self.bytes).next()
    }
}

impl Source for Before<'_> {
    /// Names may be written with underscores, which can stand behind a dot.
    fn header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let found = self.field(name).or_else(|| {
            let dash = |&byte: &u8| if byte == b'_' { b'-' } else { byte };
            let dashed: Vec<u8> = name.iter().map(dash).collect();
            self.field(&dashed)
        });
        found.map(Cow::Borrowed)
    }

    fn query_param(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        Args::find(&self.query, name)
    }

    fn capture(&self, group: &str) -> Option<Cow<'_, [u8]>> {
        let captures = self.captures.as_ref()?;
        let found = captures
            .name(group)
            .or_else(|| captures.get(group.parse().ok()?));
        found.map(Cow::Borrowed)
    }
}
