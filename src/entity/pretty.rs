//! JSON as Kong's error texts show it: the way Lua's Penlight prints a table.

use std::fmt::Write as _;

use serde_json::Value;

/// On one line, without spaces: `{id="x",upstream={id="y"}}`.
pub(super) fn compact(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, None);
    out
}

/// Over several lines, as it stands in texts about nested violations.
pub(super) fn spread(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, Some(2));
    out
}

/// `indent` is how far the members of a table are indented; `None` keeps everything on one line.
fn write(out: &mut String, value: &Value, indent: Option<usize>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => _ = write!(out, "{number}"),
        Value::String(text) => quote(out, text),
        Value::Array(values) => {
            // What stands behind a gap has lost its place in Lua's array part, so its index is shown.
            let gap = values.iter().position(Value::is_null);
            let members = values.iter().zip(1_usize..);
            let members = members.filter(|(value, _)| !value.is_null());
            let named = members.map(|(value, at)| {
                let shown = gap.is_some_and(|gap| at > gap);
                (shown.then(|| format!("[{at}]")), value)
            });
            table(out, named, indent);
        }
        Value::Object(members) => {
            let named = members.iter().map(|(key, value)| (Some(name(key)), value));
            table(out, named, indent);
        }
    }
}

fn table<'a>(
    out: &mut String,
    members: impl Iterator<Item = (Option<String>, &'a Value)>,
    indent: Option<usize>,
) {
    let mut members = members.peekable();
    if members.peek().is_none() {
        return out.push_str("{}");
    }
    out.push('{');
    for (at, (name, value)) in members.enumerate() {
        if at > 0 {
            out.push(',');
        }
        line_break(out, indent);
        if let Some(name) = name {
            out.push_str(&name);
            out.push_str(if indent.is_some() { " = " } else { "=" });
        }
        write(out, value, indent.map(|indent| indent + 2));
    }
    line_break(out, indent.map(|indent| indent - 2));
    out.push('}');
}

fn line_break(out: &mut String, indent: Option<usize>) {
    if let Some(indent) = indent {
        _ = write!(out, "\n{:indent$}", "");
    }
}

/// A key: bare if it is a Lua name.
fn name(key: &str) -> String {
    let is_name = !key.starts_with(|c: char| c.is_ascii_digit())
        && !key.is_empty()
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !KEYWORDS.contains(&key);
    if is_name {
        return key.to_owned();
    }
    let mut quoted = String::from("[");
    quote(&mut quoted, key);
    quoted.push(']');
    quoted
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\\n"),
            '\r' => out.push_str("\\r"),
            '\0' => out.push_str("\\0"),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Words that may not stand bare as a key.
const KEYWORDS: [&str; 22] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
];

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::json;

    #[test]
    fn keys_are_shown_on_one_line() {
        let key = json!({"consumer": null, "name": "cors", "service": {"id": "x"}});
        assert_eq!(
            compact(&key),
            r#"{consumer=null,name="cors",service={id="x"}}"#
        );
        assert_eq!(compact(&json!({"a-b": 1})), r#"{["a-b"]=1}"#);
        assert_eq!(compact(&json!({})), "{}");
    }

    #[test]
    fn nested_violations_are_spread_over_lines() {
        let nested = json!({"type": "bad", "healthy": {"interval": "worse"}});
        assert_eq!(
            spread(&nested),
            "{\n  healthy = {\n    interval = \"worse\"\n  },\n  type = \"bad\"\n}"
        );
        assert_eq!(spread(&json!(["bad"])), "{\n  \"bad\"\n}");
        assert_eq!(spread(&json!([null, "bad"])), "{\n  [2] = \"bad\"\n}");
    }
}
