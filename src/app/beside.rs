//! What a command that reads files alone says of the store beside them.

use std::path::Path;

use super::reachable;
use crate::config::Model;
use crate::store::Cause;
use crate::store::OpenError;

/// That nobody has looked into the store, and how to ask the gateway: `curl` with these arguments, `ADMIN` being its
/// admin listener. `None` without a store.
pub fn note(model: &Model, arguments: &str) -> Option<String> {
    let path = model.store.as_ref()?.display();
    let note = format!("note: entities in the store {path} are not looked at");
    Some(match &model.admin {
        Some(admin) => {
            let admin = reachable(admin.address).to_string();
            let arguments = arguments.replace("ADMIN", &admin);
            format!("{note}; ask the gateway: curl {arguments}")
        }
        None => note,
    })
}

/// Why the store cannot be made, if the directory for it is not there.
pub fn missing_directory(model: &Model) -> Option<OpenError> {
    let path = model.store.as_ref()?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let is_there = path.exists() || parent.is_none_or(Path::is_dir);
    (!is_there).then(|| OpenError {
        path: path.clone(),
        cause: Cause::NoDirectory,
    })
}

#[cfg(test)]
mod tests {
    use super::missing_directory;
    use super::note;
    use crate::config;

    #[test]
    fn a_store_is_told_of_with_the_way_to_ask() {
        let noted = |text: &str| {
            let model = config::parse_str("a.toml", text).unwrap().model;
            note(&model, "http://ADMIN/config/lint")
        };
        let store = "[store]\npath = \"/x/store.redb\"\n";
        let told = "note: entities in the store /x/store.redb are not looked at";
        assert_eq!(noted(""), None);
        assert_eq!(noted(store).as_deref(), Some(told));
        assert_eq!(
            noted(&format!("{store}[admin]\naddress = \"127.0.0.1:1\"\n")).unwrap(),
            format!("{told}; ask the gateway: curl http://127.0.0.1:1/config/lint")
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_missed() {
        let directory = tempfile::tempdir().unwrap();
        let missed = |path: &str| {
            let text = format!("[store]\npath = {path:?}\n");
            let model = config::parse_str("a.toml", &text).unwrap().model;
            missing_directory(&model).map(|error| error.to_string())
        };
        let here = directory.path().display();
        assert_eq!(missed(&format!("{here}/store.redb")), None);
        assert_eq!(missed("store.redb"), None);
        assert_eq!(
            missed(&format!("{here}/state/store.redb")).unwrap(),
            format!(
                "the store {here}/state/store.redb cannot be made: there is no directory {here}/state"
            )
        );
    }
}
