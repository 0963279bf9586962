//! A tried request on paper: for people, and as JSON.

use std::io;
use std::io::Write;

use serde_json::Value;
use serde_json::json;

use super::Asked;
use super::Other;
use super::Part;
use super::Question;
use super::Tried;
use super::Verdict;
use super::Winner;
use crate::router;
use crate::router::Criterion;
use crate::router::Rule;

/// Routes that did not win and are shown; of thousands only the closest say anything.
const OTHERS_SHOWN: usize = 10;

/// Writes the finding for people.
///
/// # Errors
/// Those of `out`.
pub fn text(request: &Question, tried: &Tried, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{} {}\n", request.method, url(request, tried))?;
    match &tried.verdict {
        Verdict::Served(winner, upstream) => {
            won(winner, out)?;
            writeln!(out, "service   {}", upstream.service)?;
            writeln!(out, "upstream  {} {}", request.method, upstream.url)?;
        }
        Verdict::Answered(winner, status, why) => {
            won(winner, out)?;
            writeln!(out, "answer    {status}, because {why}")?;
        }
        Verdict::Refused(cause) => {
            let row = cause.row();
            match cause {
                crate::http::Cause::RouteNotFound => writeln!(out, "no route matches")?,
                _ => writeln!(out, "the request is refused before routing")?,
            }
            writeln!(out, "answer    {} {}", row.status, row.message)?;
        }
    }
    for asked in &tried.plugins {
        let part = part_text(asked.part);
        let (name, on, priority) = (asked.name, &asked.on, asked.priority);
        writeln!(out, "plugin    {name} ({priority}), put on {on}{part}")?;
    }
    let shown = tried.others.iter().take(OTHERS_SHOWN);
    let width = shown.clone().map(|other| other.route.chars().count()).max();
    let Some(width) = width else { return Ok(()) };
    writeln!(out, "\nthe other routes")?;
    for Other { route, why } in shown {
        writeln!(out, "  {route:width$}  {}", reason(why))?;
    }
    match tried.others.len().saturating_sub(OTHERS_SHOWN) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} more"),
    }
}

fn won(winner: &Winner, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "route     {}", winner.route)?;
    match &winner.path {
        Some(path) => writeln!(out, "path      {path}")?,
        None => writeln!(out, "path      any")?,
    }
    for (name, value) in &winner.captures {
        writeln!(out, "capture   {name} = {value}")?;
    }
    Ok(())
}

fn part_text(part: Part) -> &'static str {
    match part {
        Part::Anyone => "",
        Part::ItsConsumer => ", for its consumer alone",
        Part::Shadowed => ", not asked: one of its kind is put on something more specific",
    }
}

/// Writes the finding for programs: one object.
///
/// # Errors
/// Those of `out`.
pub fn json(request: &Question, tried: &Tried, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:#}", value(request, tried))
}

/// The finding as one object.
pub fn value(request: &Question, tried: &Tried) -> Value {
    let mut found = json!({
        "request": { "method": request.method, "url": url(request, tried) },
        "plugins": tried.plugins.iter().map(asked_json).collect::<Vec<_>>(),
        "others": tried.others.iter().take(OTHERS_SHOWN).map(other_json).collect::<Vec<_>>(),
    });
    let winner_json = |winner: &Winner| {
        let captures = winner.captures.iter();
        let captures = captures.map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        json!({
            "name": winner.route,
            "path": winner.path,
            "captures": captures.collect::<serde_json::Map<_, _>>(),
        })
    };
    match &tried.verdict {
        Verdict::Served(winner, upstream) => {
            found["route"] = winner_json(winner);
            found["service"] = upstream.service.as_str().into();
            found["upstream_url"] = upstream.url.as_str().into();
        }
        Verdict::Answered(winner, status, why) => {
            found["route"] = winner_json(winner);
            found["answer"] = json!({ "status": status, "why": why });
        }
        Verdict::Refused(cause) => {
            let row = cause.row();
            found["answer"] = json!({ "status": row.status, "why": row.code });
        }
    }
    found
}

fn asked_json(asked: &Asked) -> Value {
    let part = match asked.part {
        Part::Anyone => "asked",
        Part::ItsConsumer => "asked for its consumer",
        Part::Shadowed => "shadowed",
    };
    json!({
        "name": asked.name,
        "id": asked.id.to_string(),
        "priority": asked.priority,
        "on": asked.on,
        "part": part,
    })
}

/// What was asked, without the keys in its query.
fn url(request: &Question, tried: &Tried) -> String {
    let scheme = if request.secure { "https" } else { "http" };
    let target = tried.mask.url(request.target.as_bytes());
    let target = String::from_utf8_lossy(&target);
    format!("{scheme}://{}{target}", request.authority)
}

fn other_json(other: &Other) -> Value {
    let reason = reason(&other.why);
    match &other.why {
        router::Verdict::Won => json!({ "name": other.route }),
        router::Verdict::Outranked(rule) => {
            json!({ "name": other.route, "matches": true, "rule": rule_key(*rule), "reason": reason })
        }
        router::Verdict::Unmet(criteria) => {
            let unmet: Vec<_> = criteria.iter().copied().map(criterion).collect();
            json!({ "name": other.route, "matches": false, "unmet": unmet, "reason": reason })
        }
    }
}

fn reason(why: &router::Verdict) -> String {
    match why {
        router::Verdict::Won => "wins".to_owned(),
        router::Verdict::Outranked(rule) => format!("matches, but {}", rule_text(*rule)),
        router::Verdict::Unmet(criteria) => {
            let unmet: Vec<_> = criteria.iter().copied().map(criterion).collect();
            format!("does not match: {}", unmet.join(", "))
        }
    }
}

fn criterion(criterion: Criterion) -> &'static str {
    match criterion {
        Criterion::Hosts => "hosts",
        Criterion::Paths => "paths",
        Criterion::Methods => "methods",
        Criterion::Headers => "headers",
        Criterion::Snis => "snis",
    }
}

fn rule_key(rule: Rule) -> &'static str {
    match rule {
        Rule::CriteriaCount => "criteria_count",
        Rule::PlainHosts => "plain_hosts",
        Rule::HeaderCount => "header_count",
        Rule::RegexPath => "regex_path",
        Rule::RegexPriority => "regex_priority",
        Rule::PathLength => "path_length",
        Rule::CreatedAt => "created_at",
        Rule::Id => "id",
        Rule::PathPosition => "path_position",
    }
}

/// Why the winner goes before the route in question.
fn rule_text(rule: Rule) -> &'static str {
    match rule {
        Rule::CriteriaCount => "the winner asks for more kinds of criteria",
        Rule::PlainHosts => "the winner's hosts have no wildcard",
        Rule::HeaderCount => "the winner asks for more headers",
        Rule::RegexPath => "the winner's path is a regex, which goes before a prefix",
        Rule::RegexPriority => "the winner's regex_priority is higher",
        Rule::PathLength => "the winner's path is longer",
        Rule::CreatedAt => "the winner was created earlier",
        Rule::Id => "all else is equal and the winner's id is greater",
        Rule::PathPosition => "all else is equal and the winner's path stands earlier",
    }
}
