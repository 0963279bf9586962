//! The forms of a request target (RFC 9112 section 3.2).

use crate::http::Method;
use crate::http::RequestHead;
use crate::http::Span;
use crate::http::Target;
use crate::http::TargetForm;
use crate::http1::authority;
use crate::http1::scan::Scan;

/// A target as it was found: only allowed bytes, its escapes complete.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    /// Where it begins.
    pub(super) start: usize,
    /// Where its first question mark stands, if it has one.
    pub(super) mark: Option<usize>,
    /// Where it ends.
    pub(super) end: usize,
}

/// Takes the target apart into `head`, whose method is known. Nothing if the form is not one for the method.
#[inline(always)]
pub(super) fn split<S: Scan>(
    scan: S,
    bytes: &[u8],
    found: Found,
    head: &mut RequestHead,
) -> Option<()> {
    head.target_span = Span::new(found.start, found.end);
    head.authority = Span::default();
    if bytes.get(found.start) == Some(&b'/') && head.method != Method::Connect {
        head.target = path_and_query(TargetForm::Origin, found.start, found);
        return Some(());
    }
    other_forms(scan, bytes, found, head)
}

fn path_and_query(form: TargetForm, path: usize, found: Found) -> Target {
    Target {
        form,
        path: Span::new(path, found.mark.unwrap_or(found.end)),
        query: found.mark.map(|mark| Span::new(mark + 1, found.end)),
    }
}

#[cold]
fn other_forms<S: Scan>(scan: S, bytes: &[u8], found: Found, head: &mut RequestHead) -> Option<()> {
    let target = bytes.get(found.start..found.end)?;
    match (head.method, target) {
        (Method::Options, b"*") => head.target = bare(TargetForm::Asterisk),
        (Method::Connect, _) => {
            let up_to = bytes.get(..found.end)?;
            set_authority(
                head,
                authority::parse(scan, up_to, found.start)?,
                found.start,
                found.end,
            );
            head.port.filter(|&port| port != 0)?;
            head.target = bare(TargetForm::Authority);
        }
        (_, _) => {
            let start = found.start + scheme(target)?;
            absolute(scan, bytes, start, found, head)?;
        }
    }
    Some(())
}

fn bare(form: TargetForm) -> Target {
    Target {
        form,
        path: Span::default(),
        query: None,
    }
}

fn set_authority(head: &mut RequestHead, found: authority::Authority, start: usize, end: usize) {
    head.authority = Span::new(start, end);
    head.host = found.host;
    head.port = found.port;
}

/// The length of a scheme that we serve, with what separates it from the authority.
fn scheme(target: &[u8]) -> Option<usize> {
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let begins = |scheme: &&&[u8]| {
        let start = target.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    schemes.iter().find(begins).map(|scheme| scheme.len())
}

/// The absolute form, whose authority begins at `start`: it counts, and not the Host field's (section 3.2.2).
fn absolute<S: Scan>(
    scan: S,
    bytes: &[u8],
    start: usize,
    found: Found,
    head: &mut RequestHead,
) -> Option<()> {
    let before_query = found.mark.unwrap_or(found.end);
    let rest = bytes.get(start..before_query)?;
    let slash = memchr::memchr(b'/', rest).map(|at| start + at);
    let end = slash.unwrap_or(before_query);
    let parsed = authority::parse(scan, bytes.get(..end)?, start)?;
    set_authority(head, parsed, start, end);
    // The absolute form of `OPTIONS *` has neither path nor query (section 3.2.4).
    head.target = match (slash, found.mark, head.method) {
        (None, None, Method::Options) => bare(TargetForm::Asterisk),
        (_, _, _) => path_and_query(TargetForm::Absolute, end, found),
    };
    Some(())
}
