//! The pages about plugins say what the code says: each field with its default, examples that load, and commands that the
//! Admin API obeys.

use std::collections::BTreeMap;

use serde_json::json;
use silverback::config;
use silverback::entity::Field;
use silverback::entity::Preset;
use silverback::entity::Type;
use silverback::plugin::Definition;
use silverback::plugin::registry;

use crate::client::Client;
use crate::gateway;

fn page(plugin: &str) -> String {
    std::fs::read_to_string(format!("docs/plugins/{plugin}.md")).unwrap()
}

/// The contents of the blocks of one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let blocks = page.split(&start).skip(1);
    let blocks = blocks.map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    blocks.collect()
}

/// The first table of a page: its fields, and what it says of their defaults.
fn told(page: &str) -> BTreeMap<String, String> {
    let rows = page.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = rows.skip(1).take_while(|line| line.starts_with('|'));
    let mut fields = BTreeMap::new();
    for row in rows {
        let mut cells = row.split('|').skip(1).map(str::trim);
        let (names, default) = (cells.next().unwrap(), cells.next().unwrap());
        let mut first = "";
        for name in names.split(',').map(|name| name.trim().trim_matches('`')) {
            // `add.headers`, `.body`: the same record.
            let name = match name.strip_prefix('.') {
                Some(last) => format!("{}.{last}", first.split('.').next().unwrap()),
                None => name.to_owned(),
            };
            if first.is_empty() {
                first = names.split('`').nth(1).unwrap();
            }
            fields.insert(name, default.to_owned());
        }
    }
    fields
}

/// The fields of a plugin and what pages say of their defaults; `None` where words say it.
fn known(plugin: &Definition) -> BTreeMap<String, Option<String>> {
    let mut fields = BTreeMap::new();
    collect(plugin.config.fields, "", &mut fields);
    if plugin.denies {
        fields.insert("mode".to_owned(), Some("enforce".to_owned()));
    }
    fields
}

fn collect(all: &'static [Field], path: &str, fields: &mut BTreeMap<String, Option<String>>) {
    for field in all.iter().filter(|field| field.alias.is_empty()) {
        let name = format!("{path}{}", field.name);
        match field.kind {
            // One row for what is taken and not used.
            Type::Record(_) | Type::Checked(_) if name == "redis" => {
                fields.insert(name, None);
            }
            Type::Record(inner) => collect(inner, &format!("{name}."), fields),
            Type::Checked(schema) => collect(schema.fields, &format!("{name}."), fields),
            _ => {
                fields.insert(name, default(field));
            }
        }
    }
}

fn default(field: &Field) -> Option<String> {
    let list = |texts: Vec<String>| Some(texts.join(", "));
    match field.default {
        Preset::Null if field.required => Some("required".to_owned()),
        Preset::Bool(flag) => Some(flag.to_string()),
        Preset::Int(number) => Some(number.to_string()),
        Preset::Num(number) => Some(number.to_string()),
        Preset::Text(text) => Some(text.to_owned()),
        Preset::Texts(texts) => list(texts.iter().map(ToString::to_string).collect()),
        Preset::Ints(numbers) => list(numbers.iter().map(ToString::to_string).collect()),
        Preset::EmptyList => Some(String::new()),
        Preset::EmptyMap => Some("{}".to_owned()),
        Preset::Null | Preset::Uuid | Preset::Now | Preset::NowMillis | Preset::Key => None,
    }
}

#[test]
fn each_page_has_each_field_with_its_default() {
    for plugin in registry::ALL {
        let told = told(&page(plugin.name));
        let known = known(plugin);
        let names = |fields: Vec<&String>| fields.into_iter().cloned().collect::<Vec<_>>();
        assert_eq!(
            names(told.keys().collect()),
            names(known.keys().collect()),
            "{}",
            plugin.name
        );
        for (field, default) in known {
            let said = told[&field].replace(['`', '"', '[', ']'], "");
            let Some(default) = default else { continue };
            assert!(
                said == default || said.starts_with(&format!("{default} ")),
                "{} {field}: {default} is told as {said}",
                plugin.name
            );
        }
    }
}

#[test]
fn examples_in_toml_load_as_they_stand() {
    for plugin in registry::ALL {
        let examples = blocks(&page(plugin.name), "toml");
        assert!(!examples.is_empty(), "{} has no example", plugin.name);
        for example in examples {
            let loaded = config::parse_str(plugin.name, &example);
            let loaded = loaded.map_err(|faults| faults.render_text(false)).unwrap();
            let mut plugins = loaded.model.plugins.iter();
            assert!(
                plugins.any(|found| found.name() == plugin.name),
                "{}",
                plugin.name
            );
        }
    }
}

/// A command as a shell would split it.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for character in line.chars() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == character => quote = None,
            (None, ' ') => words.extend(word.take()),
            (_, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// What a command asks of the Admin API: path, type and body; `None` if it asks something else.
fn request(line: &str) -> Option<(String, String, String)> {
    let words = words(line);
    let url = words
        .iter()
        .find_map(|word| word.strip_prefix("localhost:8001"))?;
    let mut pairs = Vec::new();
    let mut form = String::new();
    for (option, value) in words.iter().zip(words.iter().skip(1)) {
        let Some((name, value)) = value.split_once('=') else {
            continue;
        };
        match option.as_str() {
            "-d" => pairs.push(format!("{}={}", escaped(name), escaped(value))),
            "-F" => {
                let value = value
                    .strip_prefix('<')
                    .map_or(value.to_owned(), |_| public_key());
                form += &format!(
                    "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                );
            }
            _ => {}
        }
    }
    if form.is_empty() {
        let kind = "application/x-www-form-urlencoded".to_owned();
        return Some((url.to_owned(), kind, pairs.join("&")));
    }
    let kind = "multipart/form-data; boundary=x".to_owned();
    Some((url.to_owned(), kind, form + "--x--\r\n"))
}

fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    });
    bytes.collect()
}

fn public_key() -> String {
    let vectors = std::fs::read_to_string("src/plugin/jwt/tests/vectors.json").unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&vectors).unwrap();
    vectors[1]["rsa_public_key"].as_str().unwrap().to_owned()
}

#[test]
fn commands_are_obeyed() {
    for plugin in registry::ALL {
        let mut client = Client::new(gateway::start(Vec::new()));
        let page = page(plugin.name);
        let commands: Vec<String> = blocks(&page, "sh")
            .iter()
            .flat_map(|block| {
                let joined = block.replace("\\\n", " ");
                joined.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .filter(|line| line.starts_with("curl "))
            .collect();
        for name in ["orders", "shop", "media"] {
            let service = json!({ "name": name, "host": "127.0.0.1" });
            assert_eq!(client.json("POST", "/services", &service).status, 201);
        }
        for name in ["orders", "internal", "prices", "moved", "upload", "users"] {
            let route = json!({ "name": name, "paths": [format!("~/{name}/(?<user>.*)")] });
            assert_eq!(client.json("POST", "/routes", &route).status, 201);
        }
        if !commands
            .iter()
            .any(|line| line.ends_with("localhost:8001/consumers"))
        {
            let alice = json!({ "username": "alice" });
            assert_eq!(client.json("POST", "/consumers", &alice).status, 201);
        }
        let mut obeyed = 0;
        for (path, kind, body) in commands.iter().filter_map(|line| request(line)) {
            let headers = [("Content-Type", kind.as_str())];
            let answer = client.send("POST", &path, &headers, Some(body.as_bytes()));
            assert_eq!(
                answer.status,
                201,
                "{}: {path} {body}\n{}",
                plugin.name,
                answer.text()
            );
            obeyed += usize::from(path.ends_with("/plugins"));
        }
        assert!(
            obeyed > 0,
            "{} has no command that puts it on something",
            plugin.name
        );
    }
}
