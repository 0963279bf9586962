//! `silverback import` and `silverback export`: from Kong's declarative documents into the store or a TOML file, with a
//! word about each entity, and back.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;
use uuid::Uuid;

use super::reachable;
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
use crate::entity::plain;
use crate::plugin::registry;
use crate::plugin::registry::Registry;
use crate::store::Author;
use crate::store::Cause;
use crate::store::Keeper;
use crate::store::OpenError;
use crate::store::draft;

/// What an imported file has besides entities: nobody else can reach it before somebody has looked it through.
const FRAME: &str =
    "[[listeners]]\naddress = \"127.0.0.1:8000\"\n[admin]\naddress = \"127.0.0.1:8001\"\n";

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
    /// What it and those that it belongs to are called; empty if nobody has a name that may be shown.
    pub name: String,
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
        let path = match self.name.as_str() {
            "" => self.path.clone(),
            name => format!("{} ({name})", self.path),
        };
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
                name: String::new(),
                fate: Fate::Unsupported(misplaced.message),
            })
            .collect();
        let mut new_id = Uuid::new_v4;
        let mut env = Env::new(clock::unix_micros() / 1_000, &mut new_id);
        env.transforms = declaration.transform;
        env.keeps_times = true;
        let mut names = Names::default();
        for Declared {
            kind,
            fields,
            path,
            id,
        } in declaration.entities
        {
            let name = names.add(kind, id, &fields);
            let unserved = (kind == Kind::Plugins).then(|| unserved(&fields));
            let fate = match entities.insert(kind, fields, &mut env) {
                Ok((document, _)) => {
                    difference(kind, &document).map_or(Fate::Identical, Fate::Different)
                }
                Err(error) => Fate::Unsupported(match unserved {
                    Some(unserved) => unserved.because(error.discreet(kind).message),
                    None => error.discreet(kind).message,
                }),
            };
            lines.push(Line { path, name, fate });
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
                Ok(()) => {}
            }
        }
        let empty = config::parse_str("import", FRAME);
        let mut model = empty.map_err(|faults| faults.render_text(false))?.model;
        stored.join(&mut model);
        Ok(Toml {
            text: config::effective(&model, Secrets::Shown),
            left_out,
        })
    }

    /// Puts the entities into a store, in place of whatever has their ids; `admin` is where a gateway that has it open
    /// would be asked.
    ///
    /// # Errors
    /// A sentence that says why nothing was put.
    pub fn to_store(&self, path: &Path, admin: Option<SocketAddr>) -> Result<(), String> {
        let way = "curl -F 'config=<FILE'";
        let mut keeper =
            Keeper::open(path, &Registry).map_err(|error| in_use(&error, admin, way))?;
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

/// What entities are called, with those that they belong to before them: `orders / list`.
#[derive(Debug, Default)]
struct Names(HashMap<String, String>);

impl Names {
    /// The next one; parents come first.
    fn add(&mut self, kind: Kind, id: Uuid, fields: &Document) -> String {
        let own = match kind {
            Kind::Services | Kind::Routes | Kind::Plugins | Kind::Upstreams | Kind::Snis => "name",
            Kind::Consumers | Kind::BasicauthCredentials | Kind::HmacauthCredentials => "username",
            Kind::Targets => "target",
            Kind::Acls => "group",
            Kind::Vaults => "prefix",
            // What they are known by is not for every eye.
            Kind::KeyauthCredentials
            | Kind::JwtSecrets
            | Kind::Certificates
            | Kind::CaCertificates => "",
        };
        let parent = ["route", "service", "consumer", "upstream"]
            .into_iter()
            .find_map(|field| self.0.get(fields.get(field)?.get("id")?.as_str()?));
        let own = fields.get(own).and_then(Value::as_str).unwrap_or_default();
        let own = own.escape_debug().to_string();
        let name = match parent.map(String::as_str) {
            None | Some("") => own,
            Some(parent) if own.is_empty() => parent.to_owned(),
            Some(parent) => format!("{parent} / {own}"),
        };
        self.0.insert(id.to_string(), name.clone());
        name
    }
}

/// A plugin that may not be taken.
struct Unserved {
    /// What is said of it if it does not exist.
    missing: Option<String>,
    /// What goes without it.
    what: &'static str,
}

impl Unserved {
    /// Why it is not taken, and what follows: a plugin that authenticates or limits leaves its API open.
    fn because(self, refused: String) -> String {
        let why = self.missing.unwrap_or(refused);
        format!("{why}; {} served without it", self.what)
    }
}

fn unserved(fields: &Document) -> Unserved {
    let name = fields.get("name").and_then(Value::as_str);
    let missing = name.filter(|name| registry::find(name).is_none());
    let is_on = |field: &str| fields.get(field).is_some_and(|on| !on.is_null());
    let what = if is_on("consumer") {
        "its consumer is"
    } else if is_on("route") {
        "its route is"
    } else if is_on("service") {
        "its service is"
    } else {
        "all routes are"
    };
    Unserved {
        missing: missing.map(config::no_such_plugin),
        what,
    }
}

/// Whether there is no place for a kind in TOML.
fn has_no_toml(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::CaCertificates | Kind::Certificates | Kind::Snis | Kind::Vaults
    )
}

/// Whether an entity refers to one of these.
fn stands_on(document: &Document, gone: &HashSet<String>) -> bool {
    let mut parents = document
        .values()
        .filter_map(|value| value.get("id")?.as_str());
    parents.any(|id| gone.contains(id))
}

/// Whether a service names certificates, which TOML has as files alone.
fn has_certificates(document: &Document) -> bool {
    let some = |key: &str| document.get(key).is_some_and(|value| !value.is_null());
    some("client_certificate") || some("ca_certificates")
}

/// What of an entity works otherwise here than in Kong, or not yet.
fn difference(kind: Kind, document: &Document) -> Option<String> {
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    if document.values().any(has_reference) {
        let why = "no reference to a secret is followed yet: it is taken for the secret itself";
        return Some(why.to_owned());
    }
    match kind {
        Kind::Services if !matches!(text("protocol"), Some("http" | "https")) => {
            Some("only services over http and https are served yet".to_owned())
        }
        Kind::Routes => {
            let protocols = document.get("protocols").and_then(Value::as_array);
            let speaks = protocols
                .is_some_and(|protocols| protocols.iter().any(|it| it == "http" || it == "https"));
            (!speaks).then(|| "only routes for http are served yet".to_owned())
        }
        Kind::Services if has_certificates(document) => {
            Some("its certificates are kept in a store and left out of TOML".to_owned())
        }
        Kind::Certificates | Kind::Snis | Kind::CaCertificates => {
            Some("kept in a store and left out of TOML, which names files".to_owned())
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

/// Why a store cannot be opened, and the way to the gateway that most likely has it.
fn in_use(error: &OpenError, admin: Option<SocketAddr>, way: &str) -> String {
    match (&error.cause, admin) {
        (Cause::Locked, Some(admin)) => {
            let admin = reachable(admin);
            format!("{error}; if that is the gateway, use {way} http://{admin}/config")
        }
        _ => error.to_string(),
    }
}

/// When an entity was made and changed.
const TIMES: [&str; 2] = ["created_at", "updated_at"];

/// What a store and files hold, as one of Kong's declarative documents.
///
/// # Errors
/// A sentence that says why it cannot be read.
pub fn export(loaded: &config::Loaded) -> Result<String, String> {
    let mut keeper = match &loaded.model.store {
        Some(path) => {
            let admin = loaded.model.admin.as_ref().map(|admin| admin.address);
            Keeper::open(path, &Registry).map_err(|error| in_use(&error, admin, "curl"))?
        }
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
        plain(row.kind, &mut document, &Registry);
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
    - name: key_auth
  - name: bad
    paths: [orders]
- name: secure
  url: grpc://127.0.0.1:9443
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
            "different    services[1] (secure): only services over http and https are served yet\n",
            "different    vaults[0] (my-env): kept in a store and left out of TOML; no reference to a secret is followed yet\n",
            "unsupported  services[0].routes[1] (orders / bad): schema violation (paths.1: ",
            "unsupported  services[0].routes[0].plugins[1] (orders / orders / key_auth): there is no plugin 'key_auth' \
             here; did you mean `key-auth`?; its route is served without it\n",
            "unsupported  plugins[0] (made-up): there is no plugin 'made-up' here; all routes are served without it\n",
            "unsupported  keys: entities of this kind are not supported\n",
            "different    consumers[0].hmacauth_credentials[0] (alice / alice): no reference to a secret is followed yet",
            "6 identical, 3 different, 4 unsupported\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
        assert!(!import.is_complete());
    }

    #[test]
    fn what_is_not_served_is_left_out_of_toml_with_what_stands_on_it() {
        let text = "
_format_version: '3.0'
services:
- name: secure
  url: grpc://127.0.0.1:9443
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
                "services secure: only services over http and https are served yet",
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
            .replace("grpc://127.0.0.1:9443", "http://127.0.0.1:9443")
            .replace("- name: made-up", "- name: cors")
            .replace(
                "    - name: key_auth\n  - name: bad\n    paths: [orders]\n",
                "",
            );
        let import = Import::read(&text).unwrap();
        let toml = import.to_toml().unwrap();
        assert_eq!(toml.left_out, ["vaults env: TOML has none of this kind"]);
        let loaded = config::parse_str("imported", &toml.text).unwrap();
        assert!(loaded.model.listeners[0].address.ip().is_loopback());
        assert_eq!(loaded.model.services.len(), 2);
        assert_eq!(loaded.model.credentials.len(), 3);
        assert_eq!(loaded.model.plugins.len(), 2);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.redb");
        import.to_store(&path, None).unwrap();
        let with = format!("[store]\npath = {:?}\n", path.to_str().unwrap());
        let stored = config::parse_str("store", &with).unwrap();
        let once = export(&stored).unwrap();
        Import::read(&once).unwrap().to_store(&path, None).unwrap();
        assert_eq!(export(&stored).unwrap(), once);
    }

    #[test]
    fn who_finds_the_store_in_use_is_told_where_to_ask() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store.redb");
        let _held = Keeper::open(&path, &Registry).unwrap();
        let admin = "[admin]\naddress = \"127.0.0.1:8001\"\n";
        let with = format!("{admin}[store]\npath = {:?}\n", path.to_str().unwrap());
        let loaded = config::parse_str("store", &with).unwrap();
        let why = export(&loaded).unwrap_err();
        assert!(
            why.ends_with(
                " is in use by another process; if that is the gateway, use curl http://127.0.0.1:8001/config"
            ),
            "{why}"
        );
        let import = Import::read("_format_version: '3.0'").unwrap();
        let admin = loaded.model.admin.as_ref().map(|admin| admin.address);
        let why = import.to_store(&path, admin).unwrap_err();
        assert!(
            why.ends_with("use curl -F 'config=<FILE' http://127.0.0.1:8001/config"),
            "{why}"
        );
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

    #[test]
    fn what_kong_does_not_know_is_exported_where_it_says_something() {
        let text = "[[plugins]]\nname = \"key-auth\"\n\
            [[plugins]]\nname = \"cors\"\n\
            [[plugins]]\nname = \"proxy-cache\"\nconfig = { strategy = \"memory\" }\n\
            [[plugins]]\nname = \"rate-limiting\"\nconfig = { minute = 5, window = \"fixed\" }\n";
        let ours = [
            "mode:",
            "window:",
            "allow_origin_absent:",
            "max_bytes:",
            "stale_if_error:",
            "stale_while_revalidate:",
        ];
        let exported = |text: &str| export(&config::parse_str("files", text).unwrap()).unwrap();
        let plain = exported(text);
        assert!(plain.contains("dictionary_name: kong_db_cache"), "{plain}");
        for field in ours {
            assert!(!plain.contains(field), "{field} in\n{plain}");
        }
        let text = text
            .replace(
                "\"key-auth\"\n",
                "\"key-auth\"\nconfig = { mode = \"observe\" }\n",
            )
            .replace(
                "\"cors\"\n",
                "\"cors\"\nconfig = { allow_origin_absent = false }\n",
            )
            .replace(", window = \"fixed\"", "");
        let telling = exported(&text);
        // A file's own default is not Kong's, so it is said.
        for said in [
            "mode: observe",
            "allow_origin_absent: false",
            "window: sliding",
        ] {
            assert!(telling.contains(said), "{said} not in\n{telling}");
        }
    }
}
