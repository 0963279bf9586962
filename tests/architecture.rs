//! The floor plan of `docs/ARCHITECTURE.md`, held against the source: a module imports lower floors only,
//! peers on a floor never name each other, an outside crate is used where the plan's table allows it, `unsafe`
//! has two homes, and no file grows past its cap. Reads text, not types: it needs no compiler and misses
//! nothing that a reader would see.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;

/// Most lines of a file, its tests not counted.
const LINES_MAX: usize = 600;
/// The only files that may hold `unsafe`.
const UNSAFE_FILES: [&str; 2] = ["net/fd.rs", "http1/scan.rs"];
/// The only modules that may name the runtime.
const RUNTIME_MODULES: [&str; 2] = ["net", "worker"];

/// A row of the floor plan.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Module {
    floor: u32,
    crates: BTreeSet<String>,
}

type Plan = BTreeMap<String, Module>;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the table `| module | floor | crates | duty |`; a row may name several modules.
fn plan(markdown: &str) -> Plan {
    let mut plan = Plan::new();
    let mut inside = false;
    for line in markdown.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() < 6 {
            inside = false;
            continue;
        }
        if cells[1..4] == ["module", "floor", "crates"] {
            inside = true;
            continue;
        }
        let digits: String = cells[2].chars().take_while(char::is_ascii_digit).collect();
        let Ok(floor) = digits.parse() else { continue };
        if !inside {
            continue;
        }
        let crates: BTreeSet<String> = words(cells[3]).map(|name| name.replace('-', "_")).collect();
        for name in words(cells[1]) {
            let module = Module {
                floor,
                crates: crates.clone(),
            };
            assert!(
                plan.insert(name.clone(), module).is_none(),
                "{name} has two rows"
            );
        }
    }
    plan
}

/// The names in a cell.
fn words(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
        .filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()))
        .map(str::to_owned)
}

/// The outside crates of the package, as paths name them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut section = "";
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if section == "[dependencies]"
            && let Some((name, _)) = line.split_once('=')
        {
            names.insert(name.trim().replace('-', "_"));
        }
    }
    names
}

/// Blanks comments, strings and character literals; everything else stays where it is.
fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &source[at..];
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if rest.starts_with('"') {
            string(rest)
        } else if (rest.starts_with("r\"") || rest.starts_with("r#")) && !out.ends_with(is_word) {
            raw_string(rest)
        } else if rest.starts_with('\'') {
            character(rest)
        } else {
            let c = rest.chars().next().unwrap();
            out.push(c);
            at += c.len_utf8();
            continue;
        };
        // Line ends stay, so that lines keep their numbers.
        out.extend(
            rest[..length]
                .chars()
                .map(|c| if c == '\n' { '\n' } else { ' ' }),
        );
        at += length;
    }
    out
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().unwrap().len_utf8();
        }
    }
    text.len()
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|&c| c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 1 + hashes; // a raw identifier
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..]
        .find(&end)
        .map_or(text.len(), |at| body + at + end.len())
}

/// A character literal; a lifetime is one quote long.
fn character(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => text[2..]
            .char_indices()
            .skip(1)
            .find(|&(_, c)| c == '\'')
            .map_or(1, |(at, _)| at + 3),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

/// Cuts out what is compiled for tests alone: each item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        out.push_str(&rest[..at]);
        let item = &rest[at..];
        rest = &item[item_length(item)..];
    }
    out + rest
}

/// How long an item is: to the brace that closes it, or to its semicolon.
fn item_length(text: &str) -> usize {
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The first names behind each occurrence of a path's beginning: one for `crate::a::b`, several for
/// `crate::{a, b::c}`. The beginning must stand at the start of a path.
fn heads(code: &str, beginning: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(beginning) {
        let before = code[..at].trim_end();
        if code[..at].ends_with(is_word) || before.ends_with("::") {
            continue;
        }
        let after = code[at + beginning.len()..].trim_start();
        let Some(after) = after.strip_prefix("::") else {
            continue;
        };
        let after = after.trim_start();
        match after.strip_prefix('{') {
            Some(group) => found.extend(group_heads(group)),
            None => found.push(after.chars().take_while(|&c| is_word(c)).collect()),
        }
    }
    found
}

/// The first names of a group's members, the group's opening brace already taken.
fn group_heads(group: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut member) = (0, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(std::mem::take(&mut member)),
            _ if depth == 0 => member.push(c),
            _ => {}
        }
    }
    names.push(member);
    names
        .iter()
        .map(|member| {
            member
                .trim()
                .chars()
                .take_while(|&c| is_word(c))
                .collect::<String>()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

/// A source file, read once.
struct File {
    /// The path below `src`.
    path: String,
    /// The module that it belongs to: its first directory, or its own name.
    module: String,
    /// How deep in the module tree it is.
    depth: usize,
    source: String,
    /// Its code without comments, strings and tests.
    code: String,
    /// Whether all of it is tests.
    is_test: bool,
}

fn file(path: &str, source: String) -> File {
    let parts: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    let is_root = parts.len() > 1 && parts.last() == Some(&"mod");
    File {
        module: parts[0].to_owned(),
        depth: parts.len() - usize::from(is_root),
        is_test: parts.iter().skip(1).any(|part| *part == "tests"),
        code: without_tests(&code(&source)),
        path: path.to_owned(),
        source,
    }
}

fn files() -> Vec<File> {
    let src = root().join("src");
    let mut found = Vec::new();
    let mut directories = vec![src.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let below = path
                    .strip_prefix(&src)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned();
                found.push(file(&below, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 20, "the source was not found");
    found
}

/// The modules of the plan that a file names, other than its own.
fn imports(file: &File, plan: &Plan) -> BTreeSet<String> {
    // Enough `super`s lead out of the module into the crate's root.
    let escape = vec!["super"; file.depth].join("::");
    [heads(&file.code, "crate"), heads(&file.code, &escape)]
        .concat()
        .into_iter()
        .filter(|name| plan.contains_key(name) && *name != file.module)
        .collect()
}

/// Everything that is wrong with a file.
fn faults(file: &File, plan: &Plan, outside: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let path = &file.path;
    if !file.source.starts_with("//!") {
        faults.push(format!(
            "{path}: has no `//!` header that says why it exists"
        ));
    }
    if word_count(&file.code, "unsafe") > 0 && !UNSAFE_FILES.contains(&path.as_str()) {
        faults.push(format!(
            "{path}: holds `unsafe`, which lives in {UNSAFE_FILES:?} alone"
        ));
    }
    if file.is_test {
        return faults;
    }
    let lines = without_tests_lines(&file.source);
    if lines > LINES_MAX {
        faults.push(format!(
            "{path}: {lines} lines without tests, the cap is {LINES_MAX}"
        ));
    }
    if path == "lib.rs" || path == "main.rs" {
        return faults;
    }
    let Some(own) = plan.get(&file.module) else {
        faults.push(format!(
            "{path}: module `{}` has no row in the floor plan",
            file.module
        ));
        return faults;
    };
    for name in imports(file, plan) {
        let other = &plan[&name];
        if other.floor == own.floor {
            faults.push(format!(
                "{path}: names its peer `{name}` on floor {}",
                own.floor
            ));
        } else if other.floor > own.floor {
            faults.push(format!(
                "{path}: floor {} imports `{name}` of floor {}",
                own.floor, other.floor
            ));
        }
    }
    for name in outside {
        if heads(&file.code, name).is_empty() {
            continue;
        }
        if !own.crates.contains(name) {
            faults.push(format!(
                "{path}: the plan does not give `{}` the crate `{name}`",
                file.module
            ));
        }
        if name == "monoio" && !RUNTIME_MODULES.contains(&file.module.as_str()) {
            faults.push(format!(
                "{path}: names the runtime, which {RUNTIME_MODULES:?} alone may"
            ));
        }
    }
    faults
}

fn word_count(code: &str, word: &str) -> usize {
    code.split(|c| !is_word(c)).filter(|w| *w == word).count()
}

/// Lines of the source, items for tests not counted.
fn without_tests_lines(source: &str) -> usize {
    without_tests(&code(source)).lines().count()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn source_follows_the_floor_plan() {
    let plan = plan(&read(&root().join("docs/ARCHITECTURE.md")));
    assert!(
        plan.len() > 10,
        "docs/ARCHITECTURE.md has no table `| module | floor | crates | duty |`"
    );
    let outside = dependencies(&read(&root().join("Cargo.toml")));
    for (name, module) in &plan {
        let foreign: Vec<_> = module.crates.difference(&outside).collect();
        assert!(
            foreign.is_empty(),
            "the plan gives `{name}` crates that nobody depends on: {foreign:?}"
        );
    }
    let faults: Vec<String> = files()
        .iter()
        .flat_map(|f| faults(f, &plan, &outside))
        .collect();
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

mod checker {
    //! The checker finds what it is there to find.

    use super::*;

    const TABLE: &str = "| module | floor | crates | duty |\n|---|---|---|---|\n| `base` | 0 | – | words |\n\
        | `http` | 1 | `memchr` | messages |\n| `net` | 2 | `monoio`, `io-uring` | bytes |\n\
        | `router` | 2 | – | routes |\n| `app`, `cli` | 11–12 | `clap` | all |\n";

    fn found(path: &str, source: &str) -> Vec<String> {
        let outside = ["monoio", "io_uring", "memchr", "clap"]
            .map(str::to_owned)
            .into();
        faults(
            &file(path, format!("//! Why.\n{source}")),
            &plan(TABLE),
            &outside,
        )
    }

    #[test]
    fn table_gives_floors_and_crates() {
        let plan = plan(TABLE);
        assert_eq!(plan["net"].floor, 2);
        assert!(plan["net"].crates.contains("io_uring"));
        assert!(plan["base"].crates.is_empty());
        assert_eq!(plan["cli"].floor, 11);
    }

    #[test]
    fn downward_imports_are_fine() {
        assert_eq!(
            found("net/mod.rs", "use crate::http::Head;\nuse crate::net::x;"),
            [""; 0]
        );
    }

    #[test]
    fn upward_import_is_found() {
        for source in [
            "use crate::net::A;",
            "use crate::{base::B, net::A};",
            "fn f() { crate\n  ::net::a() }",
        ] {
            assert_eq!(found("http/head.rs", source).len(), 1, "{source}");
        }
    }

    #[test]
    fn peer_is_found() {
        assert_eq!(
            found(
                "router/mod.rs",
                "use crate::{\n  base::B,\n  net::{A, B},\n};"
            )
            .len(),
            1
        );
    }

    #[test]
    fn super_that_leaves_the_module_is_found() {
        assert_eq!(found("router/mod.rs", "use super::net::A;").len(), 1);
        assert_eq!(found("router/a.rs", "use super::super::net::A;").len(), 1);
        assert_eq!(found("router/a.rs", "use super::net::A;").len(), 0);
    }

    #[test]
    fn foreign_crate_is_found() {
        assert_eq!(found("router/mod.rs", "use memchr::memchr;").len(), 1);
        assert_eq!(found("http/mod.rs", "use memchr::memchr;").len(), 0);
        assert_eq!(
            found("router/mod.rs", "use monoio::net::TcpStream;").len(),
            2
        );
        assert_eq!(
            found("router/mod.rs", "fn f() { crate::base::memchr::x() }").len(),
            0
        );
    }

    #[test]
    fn tests_comments_and_strings_do_not_count() {
        let source = "// crate::net::a\nconst A: &str = \"crate::net::b { unsafe\";\nconst B: char = '\"';\n\
            #[cfg(test)]\nmod tests {\n use crate::net::X;\n fn f<'a>() { memchr::x() }\n}\n";
        assert_eq!(found("router/mod.rs", source), [""; 0]);
    }

    #[test]
    fn unsafe_has_its_homes() {
        assert_eq!(found("net/stream.rs", "fn f() { unsafe { g() } }").len(), 1);
        assert_eq!(found("net/fd.rs", "fn f() { unsafe { g() } }").len(), 0);
        assert_eq!(found("net/stream.rs", "#![allow(unsafe_code)]").len(), 0);
    }

    #[test]
    fn long_file_is_found() {
        assert_eq!(found("net/a.rs", &"fn f() {}\n".repeat(LINES_MAX)).len(), 1);
        let tests = format!(
            "#[cfg(test)]\nmod tests {{\n{}}}\n",
            "fn f() {}\n".repeat(LINES_MAX)
        );
        assert_eq!(found("net/a.rs", &tests).len(), 0);
        assert_eq!(
            found("net/a/tests.rs", &"fn f() {}\n".repeat(LINES_MAX)).len(),
            0
        );
    }

    #[test]
    fn module_without_row_is_found() {
        assert_eq!(found("stray/mod.rs", "").len(), 1);
    }
}
