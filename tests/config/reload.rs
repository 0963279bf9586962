//! Includes, and what changes from one load to the next.

use std::fs;

use silverback::base::ids::Generation;
use silverback::config;
use silverback::config::Code;
use silverback::config::Faults;
use silverback::config::Loader;
use silverback::config::marketplace;

fn codes(faults: &Faults) -> Vec<Code> {
    faults.0.iter().map(|fault| fault.code).collect()
}

#[test]
fn included_files_are_merged_in_the_order_of_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("conf.d")).unwrap();
    fs::write(
        path("main.toml"),
        "include = [\"conf.d/*.toml\", \"one.toml\"]\n[gateway]\nworkers = 2\n",
    )
    .unwrap();
    fs::write(
        path("one.toml"),
        "[[services]]\nname = \"one\"\nhost = \"h\"\n",
    )
    .unwrap();
    fs::write(
        path("conf.d/b.toml"),
        "[[services]]\nname = \"b\"\nhost = \"h\"\n",
    )
    .unwrap();
    fs::write(
        path("conf.d/a.toml"),
        "[[routes]]\nname = \"a\"\npaths = [\"/\"]\nservice = \"b\"\n",
    )
    .unwrap();
    fs::write(path("conf.d/ignored.bak"), "not toml at all").unwrap();
    let loaded = config::load(&path("main.toml")).unwrap();
    let names: Vec<_> = loaded
        .model
        .services
        .iter()
        .map(|service| service.name.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["b", "one"]);
    assert_eq!(loaded.model.routes[0].service.unwrap().0, 0);
    let mut watched = [
        "conf.d",
        "conf.d/a.toml",
        "conf.d/b.toml",
        "main.toml",
        "one.toml",
    ]
    .map(path);
    watched.sort();
    assert_eq!(loaded.files, watched);
}

#[test]
fn a_circle_of_includes_is_refused_and_a_file_named_twice_is_read_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(
        path("main.toml"),
        "include = [\"a.toml\", \"*.inc\", \"x.inc\"]\n",
    )
    .unwrap();
    fs::write(path("a.toml"), "include = [\"main.toml\"]\n").unwrap();
    fs::write(path("x.inc"), "[[services]]\nname = \"x\"\nhost = \"h\"\n").unwrap();
    let faults = config::load(&path("main.toml")).unwrap_err();
    assert_eq!(codes(&faults), [Code::BadInclude]);
    assert_eq!(faults.0[0].spot.file, path("a.toml"));
    fs::write(path("a.toml"), "").unwrap();
    assert_eq!(
        config::load(&path("main.toml"))
            .unwrap()
            .model
            .services
            .len(),
        1
    );
}

#[test]
fn each_file_tells_its_own_faults_and_names_clash_across_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(
        path("main.toml"),
        "include = [\"a.toml\", \"b.toml\", \"gone.toml\"]\n[limits]\nconnections = 1\n",
    )
    .unwrap();
    fs::write(
        path("a.toml"),
        "[[services]]\nname = \"x\"\nhost = \"h\"\n[limits]\nconnections = 2\n",
    )
    .unwrap();
    fs::write(
        path("b.toml"),
        "[[services]]\nname = \"x\"\nhost = \"h\"\nport = \"80\"\n",
    )
    .unwrap();
    let faults = config::load(&path("main.toml")).unwrap_err();
    assert_eq!(
        codes(&faults),
        [
            Code::Unreadable,
            Code::SectionTwice,
            Code::DuplicateEntity,
            Code::WrongType
        ]
    );
    let (first, how) = faults.0[2].related.as_ref().unwrap();
    assert_eq!(
        (first.file.clone(), first.line, *how),
        (path("a.toml"), 2, "first defined here")
    );
    let text = faults.render_text(false);
    assert!(
        text.contains("a.toml:2:8") && text.contains("first defined here"),
        "{text}"
    );
}

#[test]
fn a_missing_main_file_and_one_that_is_not_text_have_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.toml");
    let faults = config::load(&path).unwrap_err();
    assert_eq!(codes(&faults), [Code::Unreadable]);
    assert_eq!(
        (faults.0[0].spot.file.clone(), faults.0[0].spot.line),
        (path.clone(), 1)
    );
    fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
    let faults = config::load(&path).unwrap_err();
    assert_eq!((faults.0[0].spot.line, faults.0[0].spot.column), (2, 6));
    assert!(!faults.render_text(false).is_empty());
}

#[test]
fn what_changed_is_told_by_kind_and_name() {
    let old = "[[services]]\nname = \"orders\"\nhost = \"h\"\n[[services.routes]]\nname = \"x\"\npaths = [\"/x\"]\n\
        [[services.routes]]\nname = \"y\"\npaths = [\"/y\"]\n";
    let new = "[limits]\nconnections = 7\n[[services]]\nname = \"billing\"\nhost = \"h\"\n[[services]]\nname = \"orders\"\n\
        host = \"h\"\nread_timeout = \"9s\"\n[[services.routes]]\nname = \"y\"\npaths = [\"/z\"]\nmethods = [\"GET\"]\n";
    let mut loader = Loader::default();
    let old = loader.parse_str("x", old).unwrap().model;
    let new = loader.parse_str("x", new).unwrap().model;
    assert_eq!(
        config::diff(&old, &new).to_string(),
        "~ section limits (connections)\n+ service billing\n~ service orders (read_timeout, idle_timeout)\n\
         - route x\n~ route y (methods, paths)\n"
    );
    assert_ne!(old.content_hash(), new.content_hash());
    assert!(config::diff(&old, &old).is_empty());
}

/// What a test does to a text.
type Edit = Box<dyn Fn(&str) -> String>;

/// A loader that remembers gives what one that does not would, after every edit.
#[test]
fn a_kept_loader_gives_what_a_fresh_one_would() {
    let base = marketplace::generate(60);
    let mut loader = Loader::default();
    let edits: Vec<Edit> = vec![
        Box::new(str::to_owned),
        Box::new(|text| text.replacen("connect_timeout = \"2s\"", "connect_timeout = \"3s\"", 1)),
        Box::new(|text| {
            text.replacen(
                "\n[[services]]",
                "\n[[services]]\nname = \"first\"\nhost = \"h\"\n\n[[services]]",
                1,
            )
        }),
        Box::new(|text| text.replacen("[[services]]", "[[services", 1)),
        Box::new(|text| text.replacen("name = \"maps-00001\"", "name = \"weather-00000\"", 1)),
        Box::new(|text| {
            text.to_owned()
                + "\n[[routes]]\nname = \"r\"\nservice = \"sms-00007\"\npaths = [\"/r\"]\n"
        }),
        Box::new(|text| {
            text.to_owned()
                + "\n[[routes]]\nname = \"r\"\nservice = \"sms-0007\"\npaths = [\"/r\"]\n"
        }),
        Box::new(|text| text.replace("read_timeout = \"5s\"\n", "")),
        Box::new(|text| format!("services = []\n{text}")),
        Box::new(|text| text.to_owned() + "\n[[services]]\nname = \"long\"\nhost = '''h'''\n"),
    ];
    for edit in edits {
        let text = edit(&base);
        let kept = loader.parse_str("m.toml", &text);
        let fresh = config::parse_str("m.toml", &text);
        match (kept, fresh) {
            (Ok(kept), Ok(fresh)) => {
                assert_eq!(kept.model, fresh.model);
                assert_eq!(kept.warnings, fresh.warnings);
            }
            (Err(kept), Err(fresh)) => assert_eq!(kept, fresh),
            (kept, fresh) => panic!("{kept:?} is not {fresh:?}"),
        }
    }
}

#[test]
fn fifteen_thousand_apis_load_and_a_reload_shares_what_did_not_change() {
    let text = marketplace::generate(15_000);
    let mut loader = Loader::default();
    let before = loader.parse_str("m.toml", &text).unwrap();
    assert_eq!(
        (before.model.services.len(), before.model.routes.len()),
        (15_000, 15_000)
    );
    assert_eq!(before.warnings, []);
    let edited = text.replacen("paths = [\"/maps-07505\"]", "paths = [\"/maps\"]", 1);
    let edited = if edited == text {
        text.replacen("methods = [\"GET\", \"POST\"]", "methods = [\"GET\"]", 1)
    } else {
        edited
    };
    let after = loader.parse_str("m.toml", &edited).unwrap();
    assert_eq!(config::diff(&before.model, &after.model).0.len(), 1);
    let shared = before.model.routes.iter().zip(&after.model.routes);
    let copied = shared
        .filter(|(a, b)| !std::sync::Arc::ptr_eq(a, b))
        .count();
    assert_eq!(copied, 1);
}

#[test]
fn no_more_faults_are_told_than_anyone_would_read() {
    let text = "[[services]]\n".repeat(2_000);
    let faults = config::parse_str("x", &text).unwrap_err();
    assert!(faults.0.len() <= 501);
    assert_eq!(faults.0.last().unwrap().code, Code::TooMuch);
}

/// Prints what a load costs; the figures of an optimised build are the ones that count.
#[test]
#[ignore = "measures: cargo test --release --test config -- --ignored --nocapture"]
fn what_loading_fifteen_thousand_apis_costs() {
    let text = marketplace::generate(15_000);
    println!("{} bytes", text.len());
    let millis = |since: silverback::base::clock::Instant| {
        silverback::base::clock::now().nanos_since(since) as f64 / 1e6
    };
    for round in 0..7 {
        let mut loader = Loader::default();
        let start = silverback::base::clock::now();
        let before = loader.parse_str("m.toml", &text).unwrap().model;
        let cold = millis(start);
        let edited = text.replacen("\"GET\", \"POST\"", "\"GET\"", 1);
        let start = silverback::base::clock::now();
        let after = loader.parse_str("m.toml", &edited).unwrap().model;
        let warm = millis(start);
        let start = silverback::base::clock::now();
        let changes = config::diff(&before, &after).0.len();
        let diff = millis(start);
        let start = silverback::base::clock::now();
        let same = before == after;
        let compare = millis(start);
        let start = silverback::base::clock::now();
        let hash = after.content_hash();
        let hashing = millis(start);
        let start = silverback::base::clock::now();
        let snapshot = silverback::snapshot::compile(&after, Generation(1), 2).unwrap();
        let compile = millis(start);
        let start = silverback::base::clock::now();
        drop(snapshot);
        println!(
            "{round}: first load {cold:.0} ms, reload of one change {warm:.1} ms, diff ({changes}) {diff:.1} ms, \
             compare ({same}) {compare:.1} ms, hash {hashing:.1} ms ({hash}), compile {compile:.1} ms, \
             drop {:.1} ms",
            millis(start)
        );
    }
}
