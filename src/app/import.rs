//! `silverback import` and `silverback export`: from Kong's declarative documents into the store or a TOML file, with a
//! word about each entity, and back.

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

    /// The entities as a TOML file.
    ///
    /// # Errors
    /// Those of an entity that cannot be served.
    pub fn to_toml(&self) -> Result<String, String> {
        let mut stored = Stored::default();
        for (kind, id, raw) in self.rows() {
            stored
                .put(kind, id, Some(raw))
                .map_err(|why| format!("{} {id}: {why}", kind.as_str()))?;
        }
        let empty = config::parse_str("import", "");
        let mut model = empty.map_err(|faults| faults.render_text(false))?.model;
        stored.join(&mut model);
        Ok(config::effective(&model, Secrets::Shown))
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
            draft(entities, env, |draft| {
                for (kind, id, document) in documents {
                    let put = draft.upsert(kind, &id.to_string(), document);
                    put.map_err(|error| error.discreet(kind))?;
                }
                Ok(())
            })
        });
        keeper.close();
        written.map(|_| ()).map_err(|error| error.message)
    }

    fn rows(&self) -> impl Iterator<Item = (Kind, Uuid, &[u8])> {
        let kinds = Kind::ALL.into_iter();
        let rows = kinds.flat_map(|kind| self.entities.iter(kind));
        rows.map(|row| (row.kind, row.id, row.raw))
    }

    fn documents(&self) -> Vec<(Kind, Uuid, Document)> {
        let kinds = Kind::ALL.into_iter();
        let rows = kinds.flat_map(|kind| self.entities.iter(kind));
        rows.map(|row| (row.kind, row.id, row.doc())).collect()
    }
}

/// What of an entity works otherwise here than in Kong, or not yet.
fn difference(kind: Kind, document: &Document) -> Option<String> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
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
        Kind::Upstreams => {
            let checks = document.get("healthchecks");
            let interval = |side: &str| {
                let interval = checks?.get("active")?.get(side)?.get("interval")?;
                interval.as_f64().filter(|interval| *interval > 0.0)
            };
            let is_checked = interval("healthy").or(interval("unhealthy")).is_some();
            is_checked.then(|| "targets are not probed yet".to_owned())
        }
        Kind::Certificates | Kind::Snis | Kind::CaCertificates => {
            Some("kept, and not used before there is TLS".to_owned())
        }
        Kind::Plugins => {
            let config = document.get("config");
            let policy = config.and_then(|config| config.get("policy"));
            (policy.and_then(Value::as_str) == Some("cluster"))
                .then(|| "counted in this process alone".to_owned())
        }
        _ => None,
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
plugins:
- name: made-up
vaults:
- name: env
";

    #[test]
    fn each_entity_is_told_what_becomes_of_it() {
        let import = Import::read(DOCUMENT).unwrap();
        let mut out = Vec::new();
        report(&import.lines, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        for line in [
            "different    services[1]: only services over http are served yet\n",
            "unsupported  vaults: entities of this kind are not supported\n",
            "6 identical, 1 different, 2 unsupported\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(text.contains("unsupported  plugins[0]: "), "{text}");
        assert!(!import.is_complete());
    }

    #[test]
    fn what_is_imported_loads_as_toml_and_is_the_same_in_a_store() {
        let text = DOCUMENT
            .replace("https://127.0.0.1:9443", "http://127.0.0.1:9443")
            .replace("- name: made-up", "- name: cors");
        let import = Import::read(&text).unwrap();
        let toml = import.to_toml().unwrap();
        let loaded = config::parse_str("imported", &toml).unwrap();
        assert_eq!(loaded.model.services.len(), 2);
        assert_eq!(loaded.model.credentials.len(), 2);
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
