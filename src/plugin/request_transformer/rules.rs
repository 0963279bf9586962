//! What a configuration asks for, compiled: lists of rules for headers, query and body.

use serde::Deserialize;

use super::super::transform::pair;
use super::schema::parse;
use super::template::Template;

/// The configuration as it stands in the entity.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    pub(super) http_method: Option<String>,
    remove: Lists,
    rename: Lists,
    replace: Lists,
    add: Lists,
    append: Lists,
}

#[derive(Debug, Deserialize)]
struct Lists {
    body: Vec<String>,
    headers: Vec<String>,
    querystring: Vec<String>,
    /// Of `replace` alone.
    uri: Option<String>,
}

/// The rules for one part of a request, to be applied in this order.
#[derive(Debug)]
pub(super) struct Rules {
    /// Names.
    pub(super) remove: Box<[Box<str>]>,
    /// Old and new names.
    pub(super) rename: Box<[Rule]>,
    /// Names and values, as the following.
    pub(super) replace: Box<[Rule]>,
    pub(super) add: Box<[Rule]>,
    pub(super) append: Box<[Rule]>,
}

/// A name and what is to become of it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) name: Box<str>,
    pub(super) value: Template,
}

/// Everything.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) uri: Option<Template>,
    pub(super) method: Option<Box<str>>,
    pub(super) headers: Rules,
    pub(super) body: Rules,
    pub(super) query: Rules,
}

impl Config {
    /// Compiles all rules.
    pub(super) fn compile(&self) -> Result<Compiled, String> {
        let uri = self.replace.uri.as_deref().filter(|uri| !uri.is_empty());
        Ok(Compiled {
            uri: uri.map(parse).transpose()?,
            method: self.http_method.as_deref().map(Into::into),
            headers: self.rules(|lists| &lists.headers)?,
            body: self.rules(|lists| &lists.body)?,
            query: self.rules(|lists| &lists.querystring)?,
        })
    }

    fn rules(&self, of: impl Fn(&Lists) -> &Vec<String>) -> Result<Rules, String> {
        let names = of(&self.remove).iter().map(|entry| pair(entry).0.into());
        Ok(Rules {
            remove: names.collect(),
            rename: compile(of(&self.rename))?,
            replace: compile(of(&self.replace))?,
            add: compile(of(&self.add))?,
            append: compile(of(&self.append))?,
        })
    }
}

/// Compiles entries. One without a value changes nothing, so it is left out.
fn compile(entries: &[String]) -> Result<Box<[Rule]>, String> {
    let pairs = entries.iter().map(|entry| pair(entry));
    let rules = pairs.filter(|(_, value)| !value.is_empty());
    let rules = rules.map(|(name, value)| {
        Ok(Rule {
            name: name.into(),
            value: parse(value)?,
        })
    });
    rules.collect()
}

impl Rules {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.templates().next().is_none()
    }

    /// Every value.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let lists = [&self.rename, &self.replace, &self.add, &self.append];
        lists.into_iter().flatten().map(|rule| &rule.value)
    }
}

impl Compiled {
    /// Every value.
    pub(super) fn templates(&self) -> impl Iterator<Item = &Template> {
        let lists = [&self.headers, &self.body, &self.query];
        let of_rules = lists.into_iter().flat_map(Rules::templates);
        self.uri.iter().chain(of_rules)
    }
}
