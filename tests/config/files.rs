//! The files that come with the gateway, and the documentation beside them.

use std::path::Path;

use silverback::config;
use silverback::config::docs;
use silverback::config::schema;
use silverback::control::reload::RESTART_KEYS;

const BEGIN: &str =
    "<!-- printed from the code; `UPDATE_GOLDEN=1 cargo test --test config` prints it anew -->\n";

#[test]
fn every_file_in_config_loads_without_a_warning() {
    for name in ["quickstart", "full", "marketplace"] {
        let path = format!("config/{name}.toml");
        let loaded = config::load(Path::new(&path)).unwrap_or_else(|faults| {
            panic!("{}", faults.render_text(false));
        });
        assert_eq!(loaded.warnings, [], "{path}");
        assert_eq!(loaded.files, [Path::new(&path)]);
    }
}

#[test]
fn what_is_shown_as_effective_loads_to_an_equal_model() {
    for name in ["quickstart", "full", "marketplace"] {
        let path = format!("config/{name}.toml");
        let model = config::load(Path::new(&path)).unwrap().model;
        let text = config::effective(&model, config::Secrets::Shown);
        let again = config::parse_str("effective", &text).unwrap_or_else(|faults| {
            panic!("{}", faults.render_text(false));
        });
        assert_eq!(again.model, model);
        assert_eq!(again.model.content_hash(), model.content_hash());
        assert!(config::diff(&model, &again.model).is_empty());
        assert_eq!(
            config::effective(&again.model, config::Secrets::Shown),
            text
        );
    }
}

#[test]
fn the_full_file_shows_every_key() {
    let text = std::fs::read_to_string("config/full.toml").unwrap();
    for section in schema::SECTIONS {
        for key in section.keys {
            let name = key.name;
            let shown = text.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                let heads = ["[[", "["].iter().any(|open| {
                    let rest = line.strip_prefix(open).unwrap_or_default();
                    rest.starts_with(&format!("{name}]")) || rest.contains(&format!(".{name}]"))
                });
                heads || line.starts_with(&format!("{name} = "))
            });
            assert!(
                shown,
                "config/full.toml does not show {name} of {}",
                section.title
            );
        }
    }
}

#[test]
fn the_documentation_lists_what_the_code_knows() {
    let path = "docs/configuration.md";
    let text = std::fs::read_to_string(path).unwrap();
    let (prose, printed) = text.split_once(BEGIN).expect("the marker is there");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, format!("{prose}{BEGIN}{}", docs::reference())).unwrap();
        return;
    }
    assert_eq!(printed, docs::reference());
}

/// What the documentation says of a key's reload is what a reload does.
#[test]
fn keys_that_need_a_restart_are_the_ones_that_a_reload_refuses() {
    let mut documented = Vec::new();
    for section in schema::SECTIONS {
        let table = section.title.trim_matches(['[', ']']);
        for key in section.keys {
            let whole = format!("{table}.{}", key.name);
            // What a listener shows is not its socket.
            let shown = whole.starts_with("listeners.tls");
            let refused = !shown
                && RESTART_KEYS.iter().any(|known| {
                    let names_the_table =
                        *known == table || table.starts_with(&format!("{known}."));
                    names_the_table
                        || *known == whole
                        || (section.title == schema::ROOT.title && *known == key.name)
                });
            assert_eq!(
                key.reload == schema::Reload::Restart,
                refused,
                "{} of {}",
                key.name,
                section.title
            );
            documented.extend(refused.then_some(key.name));
        }
    }
    assert!(documented.len() >= RESTART_KEYS.len());
}

/// The shape that the gateway was ordered in: it loads as it stands.
#[test]
fn the_normative_shape_loads_word_for_word() {
    let loaded = config::parse_str("normative.toml", include_str!("normative.txt"))
        .unwrap_or_else(|faults| panic!("{}", faults.render_text(false)));
    let model = loaded.model;
    assert_eq!(loaded.warnings, []);
    assert_eq!(
        (model.limits.request_headers, model.limits.connections),
        (100, 100_000)
    );
    let route = &model.routes[0];
    assert_eq!(route.timeouts.read, std::time::Duration::from_secs(5));
    assert_eq!(
        route.timeouts.connect, model.services[0].timeouts.connect,
        "inherited"
    );
    assert_eq!(model.upstreams[0].targets[0].port, 9_000);
}

/// The documented defaults are those in force: setting all of them changes nothing.
#[test]
fn documented_defaults_are_the_ones_in_force() {
    let minimal = "[admin]\n[access_log]\n[[services]]\nname='s'\nhost='h'\n[[services.routes]]\nname='r'\npaths=['/']\n\
        [[upstreams]]\nname='h'\n[[upstreams.targets]]\ntarget='t:1'\n";
    let explicit = |section: &schema::Section| {
        let given = section
            .keys
            .iter()
            .filter(|key| !key.default.starts_with('('));
        let scalar = given.filter(|key| !["routes", "targets"].contains(&key.name));
        scalar
            .map(|key| format!("{} = {}\n", key.name, key.default))
            .collect::<String>()
    };
    let mut spelled = String::new();
    let sections = [
        (&schema::GATEWAY, "[gateway]\n"),
        (&schema::LIMITS, "[limits]\n"),
        (&schema::TIMEOUTS, "[timeouts]\n"),
        (
            &schema::LISTENERS,
            "[[listeners]]\naddress = \"0.0.0.0:8000\"\n",
        ),
        (&schema::ADMIN, "[admin]\n"),
        (&schema::ACCESS_LOG, "[access_log]\n"),
        (&schema::DNS, "[dns]\n"),
        (&schema::SERVICES, "[[services]]\nname='s'\nhost='h'\n"),
        (&schema::ROUTES, "[[services.routes]]\nname='r'\n"),
        (&schema::UPSTREAMS, "[[upstreams]]\nname='h'\n"),
        (&schema::TARGETS, "[[upstreams.targets]]\ntarget='t:1'\n"),
    ];
    for (section, head) in sections {
        spelled += head;
        let keys = explicit(section);
        spelled += &keys.replace("paths = []\n", "paths = ['/']\n");
    }
    let load = |text: &str| {
        config::parse_str("defaults", text)
            .unwrap_or_else(|faults| panic!("{}", faults.render_text(false)))
    };
    assert_eq!(load(&spelled).model, load(minimal).model);
}

/// Every documented example is accepted where it is documented, or refused for what it means, never for its shape.
#[test]
fn documented_examples_have_the_right_shape() {
    for section in schema::SECTIONS {
        for key in section.keys {
            let head = match section.title {
                "(top level)" => String::new(),
                "[[services.routes]] and [[routes]]" => "[[routes]]\n".to_owned(),
                "[[upstreams.targets]]" => {
                    "[[upstreams]]\nname='u'\n[[upstreams.targets]]\n".to_owned()
                }
                title if title.starts_with("[upstreams.") => {
                    format!("[[upstreams]]\nname='u'\n{title}\n")
                }
                title if title.contains("[listeners.tls") => {
                    format!("[[listeners]]\naddress='127.0.0.1:1'\n{title}\n")
                }
                "[services.tls]" => "[[services]]\nurl='https://a'\n[services.tls]\n".to_owned(),
                title if title.starts_with("[[consumers.") => {
                    format!("[[consumers]]\nusername='c'\n{title}\n")
                }
                title => format!("{title}\n"),
            };
            let text = format!("{head}{} = {}\n", key.name, key.example);
            let Err(faults) = config::parse_str("example", &text) else {
                continue;
            };
            let shape = [
                "SB0101", "SB0102", "SB0103", "SB0104", "SB0105", "SB0106", "SB0108",
            ];
            for fault in faults.0 {
                assert!(!shape.contains(&fault.code.number()), "{text}: {fault}");
            }
        }
    }
}
