//! `silverback import` and `silverback export`: from Kong's declarative documents into the store or a TOML file, with a
//! word about each entity, and back.

use std::collections::HashSet;
use std::fmt;
use std::io;
use std::io::Write;
use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use crate::base::clock;
use crate::config;
use crate::config::Secrets;
use crate::config::Stored;
use crate::declarative;
use crate::declarative::Declaration;
use crate::declarative::Declared;
use crate::entity::Document;
use crate::entity::Entities;
use crate::entity::Env;
use crate::entity::Kind;
use crate::plugin::registry::Registry;
use crate::store::Author;
use crate::store::Keeper;
use crate::store::draft;

/// What became of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It means here what it meant in Kong.
    Identical,
    /// It is taken, and something of it works otherwise or not yet.
    Different(String),
    /// It is not taken.
    Unsupported(String),
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands in the document.
    pub path: String,
    /// What became of it.
    pub fate: Fate,
}

/// Entities as a TOML file.
#[derive(Debug)]
pub struct Toml {
    /// The file.
    pub text: String,
    /// What cannot stand in it, and why: one line for each entity.
    pub left_out: Vec<String>,
}

/// A document that was read.
#[derive(Debug)]
pub struct Import {
    /// A line for each entity, in the order of the document's lists.
    pub lines: Vec<Line>,
    /// Everything that is taken.
    entities: Entities,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.fate {
            Fate::Identical => write!(f, "identical    {path}"),
            Fate::Different(why) => write!(f, "different    {path}: {why}"),
            Fate::Unsupported(why) => write!(f, "unsupported  {path}: {why}"),
        }
    }
}

impl Import {
    /// Reads a document in YAML or JSON.
    ///
    /// # Errors
    /// Everything that keeps it from being one.
    pub fn read(text: &str) -> Result<Self, String> {
        let declaration = declarative::read(text).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faults.join("\n")
        })?;
        Ok(Self::of(declaration))
    }

    fn of(declaration: Declaration) -> Self {
        let mut entities = Entities::new(&Registry);
        let mut lines: Vec<Line> = declaration
            .unsupported
            .into_iter()
            .map(|misplaced| Line {
                path: misplaced.path,
                fate: Fate::Unsupported(misplaced.message),
            })
            .collect();
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(clock::unix_micros() / 1_000, &mut new_id);
        env.transforms = declaration.transform;
        env.keeps_times = true;
        for Declared {
            kind, fields, path, ..
        } in declaration.entities
        {
            let fate = match entities.insert(kind, fields, &mut env) {
                Ok((document, _)) => {
                    difference(kind, &document).map_or(Fate::Identical, Fate::Different)
                }
                Err(error) => Fate::Unsupported(error.discreet(kind).message),
            };
            lines.push(Line { path, fate });
        }
        Self { lines, entities }
    }

    /// Whether everything is taken.
    pub fn is_complete(&self) -> bool {
        let unsupported = |line: &Line| matches!(line.fate, Fate::Unsupported(_));
        !self.lines.iter().any(unsupported)
    }

    /// The entities as a TOML file. What is not served cannot stand in one, and is left out with all that stands on it.
    ///
    /// # Errors
    /// Those of our own empty configuration, of which there are none.
    pub fn to_toml(&self) -> Result<Toml, String> {
        let mut stored = Stored::default();
        let (mut gone, mut left_out) = (HashSet::new(), Vec::new());
        let kinds = Kind::ALL.into_iter();
        for row in kinds.flat_map(|kind| self.entities.iter(kind)) {
            let document = row.doc();
            let put = if stands_on(&document, &gone) {
                Err("it stands on one that is left out".to_owned())
            } else {
                stored.put(row.kind, row.id, Some(row.raw))
            };
            let name = document.get("name").and_then(Value::as_str);
            let name = name.map_or_else(|| row.id.to_string(), str::to_owned);
            let called = format!("{} {name}", row.kind.as_str());
            match put {
                Err(why) => {
                    gone.insert(row.id.to_string());
                    left_out.push(format!("{called}: {why}"));
                }
                Ok(()) if has_no_toml(row.kind) => {
                    left_out.push(format!("{called}: TOML has none of this kind"));
                }
                Ok(()) if is_checked(row.kind, &document) => {
                    left_out.push(format!(
                        "{called}: its healthchecks, which TOML has none of"
                    ));
                }
                Ok(()) => {}
            }
        }
        let empty = config::parse_str("import", "");
        let mut model = empty.map_err(|faults| faults.render_text(false))?.model;
        stored.join(&mut model);
        Ok(Toml {
            text: config::effective(&model, Secrets::Shown),
            left_out,
        })
    }

    /// Puts the entities into a store, in place of whatever has their ids.
    ///
    /// # Errors
    /// A sentence that says why nothing was put.
    pub fn to_store(&self, path: &Path) -> Result<(), String> {
        let mut keeper = Keeper::open(path, &Registry).map_err(|error| error.to_string())?;
        let documents: Vec<(Kind, Uuid, Document)> = self.documents();
        let author = Author::new("import");
        let written = keeper.write(author, |entities, env| {
            env.transforms = false;
            env.keeps_times = true;
            draft(entities, env, |draft| {
                for (kind, id, document) in documents {
                    // A target cannot be put where there is none.
                    let put = if draft.entities().get(kind, id).is_some() {
                        draft.upsert(kind, &id.to_string(), document)
                    } else {
                        draft.insert(kind, document)
                    };
                    put.map_err(|error| error.discreet(kind))?;
                }
                Ok(())
            })
        });
        keeper.close();
        written.map(|_| ()).map_err(|error| error.message)
    }

    fn documents(&self) -> Vec<(Kind, Uuid, Document)> {
        let kinds = Kind::ALL.into_iter();
        let rows = kinds.flat_map(|kind| self.entities.iter(kind));
        let documents = rows.map(|row| {
            let mut document = row.doc();
            if row.kind == Kind::Certificates {
                // Its server names are entities of their own, which follow.
                document.remove("snis");
            }
            (row.kind, row.id, document)
        });
        documents.collect()
    }
}

/// Whether there is no place for a kind in TOML.
fn has_no_toml(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CaCertificates | Kind::Certificates | Kind::Snis | Kind::Vaults
    )
}

/// Whether an upstream's targets are to be probed.
fn is_checked(kind: Kind, document: &Document) -> bool {
    let active = document
        .get("healthchecks")
        .and_then(|checks| checks.get("active"));
    let interval = |side: &str| active?.get(side)?.get("interval")?.as_f64();
    let mut intervals = ["healthy", "unhealthy"].into_iter().filter_map(interval);
    kind == Kind::Upstreams && intervals.any(|interval| interval > 0.0)
}

/// Whether an entity refers to one of these.
fn stands_on(document: &Document, gone: &HashSet<String>) -> bool {
    let mut parents = document
        .values()
        .filter_map(|value| value.get("id")?.as_str());
    parents.any(|id| gone.contains(id))
}

/// What of an entity works otherwise here than in Kong, or not yet.
fn difference(kind: Kind, document: &Document) -> Option<String> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    if document.values().any(has_reference) {
        let why = "no reference to a secret is followed yet: it is taken for the secret itself";
        return Some(why.to_owned());
    }
    match kind {
        Kind::Services if text("protocol") != Some("http") => {
            Some("only services over http are served yet".to_owned())
        }
        Kind::Routes => {
            let protocols = document.get("protocols").and_then(Value::as_array);
            let speaks = protocols
                .is_some_and(|protocols| protocols.iter().any(|it| it == "http" || it == "https"));
            (!speaks).then(|| "only routes for http are served yet".to_owned())
        }
        Kind::Upstreams => is_checked(kind, document).then(|| {
            "targets are not probed yet; healthchecks are kept in a store and left out of TOML"
                .to_owned()
        }),
        Kind::Certificates | Kind::Snis | Kind::CaCertificates => {
            Some("kept in a store and left out of TOML; not used before there is TLS".to_owned())
        }
        Kind::Vaults => Some(
            "kept in a store and left out of TOML; no reference to a secret is followed yet"
                .to_owned(),
        ),
        Kind::Plugins => {
            let config = document.get("config");
            let policy = config.and_then(|config| config.get("policy"));
            (policy.and_then(Value::as_str) == Some("cluster"))
                .then(|| "counted in this process alone".to_owned())
        }
        _ => None,
    }
}

/// Whether a secret stands elsewhere: `{vault://env/name}`.
fn has_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with("{vault://"),
        Value::Array(values) => values.iter().any(has_reference),
        Value::Object(members) => members.values().any(has_reference),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Prints the report: a line for each entity that is not the same, then how many are what.
///
/// # Errors
/// Those of `out`.
pub fn report(lines: &[Line], out: &mut impl Write) -> io::Result<()> {
    for line in lines.iter().filter(|line| line.fate != Fate::Identical) {
        writeln!(out, "{line}")?;
    }
    let count = |wanted: fn(&Fate) -> bool| lines.iter().filter(|line| wanted(&line.fate)).count();
    let identical = count(|fate| *fate == Fate::Identical);
    let different = count(|fate| matches!(fate, Fate::Different(_)));
    let unsupported = count(|fate| matches!(fate, Fate::Unsupported(_)));
    writeln!(
        out,
        "{identical} identical, {different} different, {unsupported} unsupported"
    )
}

/// When an entity was made and changed.
const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// What a store and files hold, as one of Kong's declarative documents.
///
/// # Errors
/// A sentence that says why it cannot be read.
pub fn export(loaded: &config::Loaded) -> Result<String, String> {
    let mut keeper = match &loaded.model.store {
        Some(path) => Keeper::open(path, &Registry).map_err(|error| error.to_string())?,
        None => Keeper::without_store(&Registry),
    };
    let rows = loaded.rows();
    let shown = keeper.replace_file_rows(rows);
    shown.map_err(|clashes| {
        let clashes: Vec<String> = clashes.into_iter().map(|clash| clash.message).collect();
        clashes.join("\n")
    })?;
    let entities = keeper.entities();
    let rows = Kind::ALL.into_iter().flat_map(|kind| entities.iter(kind));
    let document = declarative::nest(rows.map(|row| {
        let mut document = row.doc();
        // What a file says nothing of was made at no time, and no import takes that.
        document.retain(|field, value| *value != 0 || !TIMES.contains(&field.as_str()));
        (row.kind, row.id, document)
    }));
    declarative::to_yaml(&document)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "
_format_version: '3.0'
services:
- name: orders
  url: http://127.0.0.1:9000/base
  routes:
  - name: orders
    paths: [/orders]
    plugins:
    - name: key-auth
- name: secure
  url: https://127.0.0.1:9443
consumers:
- username: alice
  keyauth_credentials:
  - key: k-alice
  basicauth_credentials:
  - username: alice
    password: secret
  hmacauth_credentials:
  - username: alice
    secret: '{vault://my-env/alice}'
plugins:
- name: made-up
keys:
- name: made-up
vaults:
- name: env
  prefix: my-env
";

    #[test]
    fn each_entity_is_told_what_becomes_of_it() {
        let import = Import::read(DOCUMENT).unwrap();
        let mut out = Vec::new();
        report(&import.lines, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "different    services[1]: only services over http are served yet\n",
            "different    vaults[0]: kept in a store and left out of TOML; no reference to a secret is followed yet\n",
            "unsupported  keys: entities of this kind are not supported\n",
            "different    consumers[0].hmacauth_credentials[0]: no reference to a secret is followed yet",
            "6 identical, 3 different, 2 unsupported\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(text.contains("unsupported  plugins[0]: "), "{text}");
        assert!(!import.is_complete());
    }

    #[test]
    fn what_is_not_served_is_left_out_of_toml_with_what_stands_on_it() {
        let text = "
_format_version: '3.0'
services:
- name: secure
  url: https://127.0.0.1:9443
  routes:
  - name: secure
    paths: [/secure]
    plugins:
    - name: cors
- name: plain
  url: http://127.0.0.1:9000
";
        let toml = Import::read(text).unwrap().to_toml().unwrap();
        assert_eq!(
            toml.left_out,
            [
                "services secure: only services over http are served yet",
                "routes secure: it stands on one that is left out",
                "plugins cors: it stands on one that is left out",
            ]
        );
        let model = config::parse_str("imported", &toml.text).unwrap().model;
        assert_eq!(
            (
                model.services.len(),
                model.routes.len(),
                model.plugins.len()
            ),
            (1, 0, 0)
        );
    }

    #[test]
    fn what_is_imported_loads_as_toml_and_is_the_same_in_a_store() {
        let text = DOCUMENT
            .replace("https://127.0.0.1:9443", "http://127.0.0.1:9443")
            .replace("- name: made-up", "- name: cors");
        let import = Import::read(&text).unwrap();
        let toml = import.to_toml().unwrap();
        assert_eq!(toml.left_out, ["vaults env: TOML has none of this kind"]);
        let loaded = config::parse_str("imported", &toml.text).unwrap();
        assert_eq!(loaded.model.services.len(), 2);
        assert_eq!(loaded.model.credentials.len(), 3);
        assert_eq!(loaded.model.plugins.len(), 2);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.redb");
        import.to_store(&path).unwrap();
        let with = format!("[store]\npath = {:?}\n", path.to_str().unwrap());
        let stored = config::parse_str("store", &with).unwrap();
        let once = export(&stored).unwrap();
        Import::read(&once).unwrap().to_store(&path).unwrap();
        assert_eq!(export(&stored).unwrap(), once);
    }

    #[test]
    fn what_stands_in_files_can_be_imported() {
        let toml = "[[services]]\nname = \"s\"\nurl = \"http://127.0.0.1:9\"\n\
            [[services.routes]]\nname = \"r\"\npaths = [\"/\"]\n\
            [[services.plugins]]\nname = \"key-auth\"\n\
            [[consumers]]\nusername = \"a\"\nkeyauth_credentials = [{ key = \"k\" }]\n";
        let exported = export(&config::parse_str("files", toml).unwrap()).unwrap();
        let import = Import::read(&exported).unwrap();
        assert!(import.is_complete(), "{:?}", import.lines);
        assert_eq!(import.entities.count(Kind::Routes), 1);
    }
}
