//! Whatever becomes of a text: loading it does not panic, and whatever is wrong has a place in it.

use proptest::prelude::ProptestConfig;
use proptest::prelude::any;
use proptest::proptest;
use silverback::config;

fn full() -> String {
    std::fs::read_to_string("config/full.toml").unwrap()
}

/// Loads a text, and checks the place of everything that is said about it.
fn check(text: &str) {
    let faults = match config::parse_str("mutated.toml", text) {
        Ok(loaded) => {
            let shown = config::effective(&loaded.model, config::Secrets::Shown);
            let again = config::parse_str("effective", &shown).unwrap_or_else(|faults| {
                panic!("{}\n{shown}", faults.render_text(false));
            });
            assert_eq!(again.model, loaded.model);
            return;
        }
        Err(faults) => faults,
    };
    assert!(faults.0.iter().any(|fault| !fault.code.is_warning()));
    let lines = text.lines().count().max(1) + 1;
    for fault in &faults.0 {
        assert_eq!(fault.spot.file.to_string_lossy(), "mutated.toml");
        assert!((1..=lines).contains(&fault.spot.line), "{fault}");
        assert!(fault.spot.column >= 1 && fault.spot.length >= 1);
        assert!(fault.spot.excerpt.get(fault.spot.marked.clone()).is_some());
        assert!(!fault.message.is_empty());
    }
    assert!(!faults.render_text(true).is_empty());
    assert!(serde_json::from_str::<serde_json::Value>(&faults.render_json()).is_ok());
}

/// The tokens of a text: words, and everything between them.
fn tokens(text: &str) -> Vec<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (at, c) in text.char_indices() {
        let kind = (is_word(c), if is_word(c) { ' ' } else { c });
        if before.is_some_and(|before| before != kind) {
            found.push(&text[start..at]);
            start = at;
        }
        before = Some(kind);
    }
    found.push(&text[start..]);
    found
}

const GARBLE: &[&str] = &[
    "",
    "\"",
    "'",
    "[",
    "]]",
    "{",
    "=",
    "-1",
    "99999999999999999999",
    "true",
    "\u{0}",
    "ü",
    "\n",
    "[[services]]\n",
    "1.5",
    "[\"\"]",
    "''",
    "\"\"\"",
    "0",
    "${",
    "*",
    "~/(",
    "nan",
    "1979-05-27",
    "# ",
    "\\",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_token_is_dropped_or_garbled(at in any::<proptest::sample::Index>(), with in 0..GARBLE.len()) {
        let text = full();
        let mut tokens = tokens(&text);
        let at = at.index(tokens.len());
        tokens[at] = GARBLE[with];
        check(&tokens.concat());
    }

    #[test]
    fn two_tokens_change_places(a in any::<proptest::sample::Index>(), b in any::<proptest::sample::Index>()) {
        let text = full();
        let mut tokens = tokens(&text);
        let (a, b) = (a.index(tokens.len()), b.index(tokens.len()));
        tokens.swap(a, b);
        check(&tokens.concat());
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,60}(\\[\\[?[a-z.]{1,12}\\]?\\]\n[a-z_]{1,12} = \\PC{0,20}\n){0,4}") {
        check(&text);
    }
}

#[test]
fn every_prefix_of_a_valid_text_is_read() {
    let text = full();
    for end in (0..text.len())
        .step_by(37)
        .filter(|end| text.is_char_boundary(*end))
    {
        check(&text[..end]);
    }
}
