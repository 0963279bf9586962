//! Bad files and what is said about them, word by word.

use std::path::Path;

use silverback::config;
use silverback::config::Code;

/// The golden file beside a bad one must hold `actual`.
fn matches_golden(path: &Path, actual: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(actual, expected, "{} differs", path.display());
}

#[test]
fn every_bad_file_has_its_golden_faults() {
    let mut seen = 0;
    let mut bad: Vec<_> = std::fs::read_dir("tests/config")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    bad.sort();
    for path in bad {
        let faults = config::load(&path).unwrap_err();
        matches_golden(&path.with_extension("txt"), &faults.render_text(false));
        if path.ends_with("includes.toml") {
            matches_golden(&path.with_extension("json"), &(faults.render_json() + "\n"));
        }
        seen += 1;
    }
    assert!(seen >= 4, "{seen}");
}

#[test]
fn the_bad_files_show_every_kind_of_fault() {
    let mut all = String::new();
    for entry in std::fs::read_dir("tests/config").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            all += &std::fs::read_to_string(path).unwrap();
        }
    }
    let shown_elsewhere = [Code::TooMuch, Code::UpstreamUnused];
    for row in Code::ALL {
        let shown = all.contains(row.number) || shown_elsewhere.contains(&row.code);
        assert!(shown, "no bad file shows {}: {}", row.number, row.meaning);
    }
}

#[test]
fn colour_adds_escapes_and_nothing_else() {
    let faults = config::load(Path::new("tests/config/syntax.toml")).unwrap_err();
    let colour = faults.render_text(true);
    assert!(colour.contains('\u{1b}'));
    assert!(!faults.render_text(false).contains('\u{1b}'));
}

#[test]
fn warnings_come_along_with_a_configuration_that_loads() {
    let text = "[[upstreams]]\nname = \"spare.internal\"\ntargets = [{ target = \"10.0.0.1\" }]\n";
    let loaded = config::parse_str("spare.toml", text).unwrap();
    let codes: Vec<Code> = loaded.warnings.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, [Code::UpstreamUnused]);
    assert!(config::fault::render_json(&loaded.warnings).contains("\"severity\": \"warning\""));
    assert_eq!(loaded.model.upstreams[0].targets[0].port, 8_000);
}
