//! The rules for a request's fields.

use super::super::Request;
use super::rules::Rules;
use super::template::Source;
use crate::http::Name;
use crate::http::forwarded::Forwarding;

/// Applies the rules, in Kong's order: each looks at what those before it have left.
pub(super) fn transform(rules: &Rules, source: &dyn Source, request: &mut Request<'_>) {
    for name in &rules.remove {
        if present(request, name.as_bytes()) {
            request.upstream.remove(name.as_bytes());
        }
    }
    for rule in &rules.rename {
        let new = rule.value.render(source).to_ascii_lowercase();
        rename(request, rule.name.as_bytes(), &new);
    }
    for rule in &rules.replace {
        let (name, value) = (rule.name.as_bytes(), rule.value.render(source));
        if Name::of(name) == Name::Host {
            set_host(request, &value);
        } else if present(request, name) && is_free(name) {
            let name = received_spelling(request, name).unwrap_or(name);
            request.upstream.set(name, &value);
        }
    }
    for rule in &rules.add {
        let name = rule.name.as_bytes();
        if !present(request, name) && is_free(name) {
            request.upstream.add(name, &rule.value.render(source));
        }
    }
    for rule in &rules.append {
        if is_free(rule.name.as_bytes()) {
            let value = rule.value.render(source);
            request.upstream.add(rule.name.as_bytes(), &value);
        }
    }
}

/// Gives all values under one name another, in place of what had it.
fn rename(request: &mut Request<'_>, old: &[u8], new: &[u8]) {
    let values = values(request, old);
    let Some(first) = values.first() else { return };
    if Name::of(new) == Name::Host {
        set_host(request, first);
        request.upstream.remove(old);
        return;
    }
    request.upstream.remove(old);
    if is_free(new) {
        request.upstream.remove(new);
        for value in &values {
            request.upstream.add(new, value);
        }
    }
}

/// Whether the origin would see the field. Host is nobody's to look at: it can only be replaced.
fn present(request: &Request<'_>, name: &[u8]) -> bool {
    Name::of(name) != Name::Host && request.field(name).is_some()
}

/// All values that the origin would see.
fn values(request: &Request<'_>, name: &[u8]) -> Vec<Vec<u8>> {
    if !present(request, name) {
        return Vec::new();
    }
    let received = request.head.fields.all_named(name, request.bytes);
    let passes = !request.upstream.removes(Name::of(name), name);
    let received = received.filter(|_| passes);
    received
        .chain(request.upstream.all_added(name))
        .map(<[u8]>::to_vec)
        .collect()
}

/// The name as the client has written it.
fn received_spelling<'a>(request: &Request<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut names = request.head.fields.lines().iter();
    let bytes = request.bytes;
    let names = names.find(|field| field.name.of(bytes).eq_ignore_ascii_case(name));
    names.map(|field| field.name.of(bytes))
}

/// Whether the field may be written by others than the gateway, which puts its own into the others' place.
fn is_free(name: &[u8]) -> bool {
    let known = Name::of(name);
    let is_ours = matches!(
        known,
        Name::Host | Name::Expect | Name::MaxForwards | Name::XKongRequestId
    );
    !is_ours && !Forwarding::replaces(known)
}

/// Replaces the Host, unless the value is none: what fills a template may come from the client.
fn set_host(request: &mut Request<'_>, value: &[u8]) {
    let allowed = |byte: &u8| byte.is_ascii_graphic() && !b"/?#@\\\"<>^`{|}".contains(byte);
    if !value.is_empty() && value.iter().all(allowed) {
        request.rewrite.host = Some(value.into());
    }
}
