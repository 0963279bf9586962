//! The server names of certificates, which inputs and answers list under `snis` and which are entities.

use std::collections::BTreeSet;

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use super::Entities;
use super::row::Change;
use crate::entity::Document;
use crate::entity::Env;
use crate::entity::Error;
use crate::entity::Kind;
use crate::entity::validate;

impl Entities {
    /// The server names of a certificate, in alphabetical order.
    pub(super) fn names_of(&self, certificate: Uuid) -> Vec<String> {
        let names = self.snis_of(certificate);
        let names: BTreeSet<String> = names.into_iter().map(|(_, name)| name).collect();
        names.into_iter().collect()
    }

    fn snis_of(&self, certificate: Uuid) -> Vec<(Uuid, String)> {
        let table = self.table(Kind::Snis);
        let ids = table.children("certificate", certificate, None);
        ids.filter_map(|id| {
            let name = table.rows.get(&id)?.document().remove("name")?;
            Some((id, name.as_str()?.to_owned()))
        })
        .collect()
    }

    /// Takes the list of names out of an input of a certificate; `None` if it has none. The names must be free.
    ///
    /// # Errors
    /// Code 2.
    pub(super) fn take_names(
        &self,
        kind: Kind,
        input: &mut Document,
        own: Option<Uuid>,
    ) -> Result<Option<Vec<String>>, Error> {
        let given = match kind {
            Kind::Certificates => input.remove("snis"),
            _ => None,
        };
        let refuse = |blame: Value| {
            let blame = ("snis".to_owned(), blame);
            Err(Error::schema_violation(Document::from_iter([blame])))
        };
        let values = match given {
            None => return Ok(None),
            Some(Value::Null) => return Ok(Some(Vec::new())),
            Some(Value::Array(values)) => values,
            Some(_) => return refuse("expected a set".into()),
        };
        let mut names = Vec::with_capacity(values.len());
        for value in values {
            let Value::String(name) = value else {
                return refuse(json!(["expected a string"]));
            };
            if let Err(text) = validate::check_key(Kind::Snis, "name", &name) {
                return refuse(text.into());
            }
            if names.contains(&name) {
                return refuse(format!("{name} is duplicated").into());
            }
            let other = self.find_by(Kind::Snis, "name", &name);
            let other = other.and_then(|(_, sni)| super::table::reference(&sni, "certificate"));
            if let Some(other) = other.filter(|other| Some(*other) != own) {
                let text = format!("{name} already associated with existing certificate '{other}'");
                return refuse(text.into());
            }
            names.push(name);
        }
        Ok(Some(names))
    }

    /// Gives a certificate these names and no others.
    pub(super) fn rename(
        &mut self,
        certificate: Uuid,
        names: &[String],
        env: &mut Env<'_>,
    ) -> Vec<Change> {
        let before = self.snis_of(certificate);
        let gone = before.iter().filter(|(_, name)| !names.contains(name));
        let mut changes: Vec<Change> = Vec::new();
        for (id, _) in gone {
            changes.push(self.put(Kind::Snis, *id, None));
        }
        for name in names {
            if before.iter().any(|(_, has)| has == name) {
                continue;
            }
            let mut sni = Document::new();
            sni.insert("name".to_owned(), json!(name));
            sni.insert("certificate".to_owned(), json!({ "id": certificate }));
            sni.insert("created_at".to_owned(), json!(env.now_secs));
            sni.insert("updated_at".to_owned(), json!(env.now_secs));
            let raw = self.sparse(Kind::Snis, sni);
            let id = (env.new_id)();
            changes.push(self.put(Kind::Snis, id, Some(raw)));
        }
        changes
    }
}
