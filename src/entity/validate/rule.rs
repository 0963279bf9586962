//! Whether one value satisfies one rule.

use serde_json::Value;

use crate::entity::Rule;
use crate::entity::schema::Form;

/// Checks the rules in their order. Text may not be empty unless a rule about its length says otherwise; that
/// is found after the rules that list texts, as in Kong.
pub(super) fn check_all(rules: &[Rule], value: &Value) -> Result<(), String> {
    let is_empty = value.as_str().is_some_and(str::is_empty);
    let about_length = |rule: &Rule| {
        matches!(
            rule,
            Rule::AllowEmpty | Rule::LengthMin(_) | Rule::Length(_)
        )
    };
    if !is_empty || rules.iter().any(about_length) {
        return rules.iter().try_for_each(|rule| check(rule, value));
    }
    let lists = |rule: &&Rule| {
        matches!(
            rule,
            Rule::Eq(_) | Rule::OneOf(_) | Rule::NotOneOf(_) | Rule::Uuid
        )
    };
    let mut lists = rules.iter().filter(lists);
    lists.try_for_each(|rule| check(rule, value))?;
    Err("length must be at least 1".to_owned())
}

/// Checks one rule. A rule about another type than the value's is satisfied.
pub(super) fn check(rule: &Rule, value: &Value) -> Result<(), String> {
    let text = value.as_str();
    let number = value.as_f64();
    let length = length_of(value);
    match rule {
        Rule::Eq(wanted) => require(text == Some(wanted), || format!("value must be {wanted}")),
        Rule::OneOf(texts) => require(text.is_some_and(|text| texts.contains(&text)), || {
            format!("expected one of: {}", texts.join(", "))
        }),
        Rule::NotOneOf(texts) => require(text.is_none_or(|text| !texts.contains(&text)), || {
            format!("must not be one of: {}", texts.join(", "))
        }),
        Rule::OneOfInts(numbers) => require(
            number.is_some_and(|number| numbers.iter().any(|one| *one as f64 == number)),
            || {
                let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
                format!("expected one of: {}", numbers.join(", "))
            },
        ),
        Rule::Between(low, high) => require(
            number.is_none_or(|number| (*low as f64..=*high as f64).contains(&number)),
            || format!("value should be between {low} and {high}"),
        ),
        Rule::GreaterThan(low) => require(number.is_none_or(|number| number > *low), || {
            format!("value must be greater than {low}")
        }),
        Rule::LengthMin(least) => require(length.is_none_or(|length| length >= *least), || {
            format!("length must be at least {least}")
        }),
        Rule::LengthMax(most) => require(length.is_none_or(|length| length <= *most), || {
            format!("length must be at most {most}")
        }),
        Rule::Length(exact) => require(length.is_none_or(|length| length == *exact), || {
            format!("length must be {exact}")
        }),
        Rule::StartsWith(start) => require(text.is_none_or(|text| text.starts_with(start)), || {
            format!("should start with: {start}")
        }),
        Rule::AllowEmpty => Ok(()),
        Rule::Uuid => require(text.is_none_or(is_uuid), || {
            "expected a valid UUID".to_owned()
        }),
        Rule::Timestamp => require(number.is_none_or(|number| number > 0.0), || {
            "expected a valid timestamp".to_owned()
        }),
        Rule::Form(form) => text.map_or(Ok(()), |text| has_form(form, text)),
        Rule::Exclusive(sets) => exclude(sets, value),
        Rule::Custom(check) => check(value),
    }
}

fn require(holds: bool, text: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(text()) }
}

/// Whether a text is a UUID in its usual spelling.
pub(in crate::entity) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

fn length_of(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.len()),
        Value::Array(values) => Some(values.len()),
        Value::Object(members) => Some(members.len()),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn has_form(form: &Form, text: &str) -> Result<(), String> {
    require((form.holds)(text), || match form.error {
        "" => format!("invalid value: {text}"),
        error => error.to_owned(),
    })
}

fn exclude(sets: &[&[&str]], value: &Value) -> Result<(), String> {
    let values = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut met: Vec<&[&str]> = Vec::new();
    for text in values.iter().filter_map(Value::as_str) {
        let home = sets.iter().find(|set| set.contains(&text));
        met.extend(home.filter(|home| !met.contains(home)));
    }
    require(met.len() <= 1, || {
        let quoted = |set: &&[&str]| {
            let texts: Vec<String> = set.iter().map(|text| format!("'{text}'")).collect();
            format!("({})", texts.join(", "))
        };
        let met: Vec<String> = met.iter().map(quoted).collect();
        format!("these sets are mutually exclusive: {}", met.join(", "))
    })
}
