//! Access log templates: text with `$name` or `${name}` in it, `$$` for a dollar sign.

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::raw::nearest;
use crate::config::raw::text::Text;
use crate::telemetry::variable::Variable;

/// The names of the variables that a log record has.
fn names() -> impl Iterator<Item = &'static str> {
    Variable::ALL
        .into_iter()
        .map(|variable| variable.row().name)
}

/// Checks every variable of a template, of which there must be one.
pub(super) fn check(text: &Text<'_>, sink: &mut Sink) {
    let value = text.value;
    let (mut at, mut variables) = (0, 0);
    while let Some(dollar) = value[at..].find('$').map(|found| at + found) {
        let rest = &value[dollar + 1..];
        if rest.starts_with('$') {
            at = dollar + 2;
            continue;
        }
        let (name, length) = match rest.strip_prefix('{') {
            Some(braced) => match braced.find('}') {
                Some(end) => (&braced[..end], end + 2),
                None => {
                    let place = text.part(dollar, 2);
                    sink.add(Code::BadTemplate, place, "`${` without its `}`");
                    return;
                }
            },
            None => {
                let other = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
                let end = rest.find(other).unwrap_or(rest.len());
                (&rest[..end], end)
            }
        };
        at = dollar + 1 + length;
        variables += 1;
        if Variable::named(name).is_some() {
            continue;
        }
        let place = text.part(dollar, 1 + length);
        if name.is_empty() {
            let fault = sink.add(Code::BadTemplate, place, "`$` without a name");
            fault.hint("write `$$` for a dollar sign");
            continue;
        }
        let message = format!("unknown variable `{name}` in the template");
        let known = || {
            format!(
                "known variables: {}",
                names().collect::<Vec<_>>().join(", ")
            )
        };
        let hint = nearest(name, names()).unwrap_or_else(known);
        sink.add(Code::BadTemplate, place, message).hint(hint);
    }
    if variables == 0 {
        text.fault(Code::BadTemplate, "the template has no variable", sink);
    }
}

#[cfg(test)]
mod tests {
    use crate::config;
    use crate::telemetry::variable::Variable;

    #[test]
    fn a_template_without_a_variable_is_refused_with_its_place() {
        let text = "[access_log]\nformat = \"$$ only\"\n";
        let faults = config::parse_str("test", text).unwrap_err();
        let told = faults.render_text(false);
        assert!(
            told.contains("SB0218") && told.contains("test:2:10"),
            "{told}"
        );
    }

    #[test]
    fn every_variable_of_a_record_is_known_and_documented() {
        let manual = include_str!("../../../docs/configuration.md");
        for variable in Variable::ALL {
            let name = variable.row().name;
            for format in [format!("${name}"), format!("é${{{name}}}é")] {
                let text = format!("[access_log]\npath = \"stdout\"\nformat = \"{format}\"\n");
                if let Err(faults) = config::parse_str("log.toml", &text) {
                    panic!("{}", faults.render_text(false));
                }
            }
            assert!(manual.contains(&format!("`{name}`")), "{name}");
        }
    }
}
