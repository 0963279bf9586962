//! Texts and what may be shown of them.

use super::covers;

/// The text with a mark for each character that is covered.
fn covered(text: &str) -> String {
    let covers = covers(text);
    let hidden = |at: usize| covers.iter().any(|range| range.contains(&at));
    let shown = text.char_indices().map(|(at, character)| {
        if hidden(at) && character != '\n' {
            '*'
        } else {
            character
        }
    });
    shown.collect()
}

#[test]
fn values_are_shown_if_their_keys_are_harmless() {
    for text in [
        "[limits]\nrequest_head_bytes = 100000\nconnections = 1.5\n",
        "hosts = [\"*.a.*\", \"a.*.b\"]\nretries = 4 0\n",
        "headers = { host = [\"x\"], \"b d\" = [\"y\"] }\n",
        "[services.routes.headers]\nx-any = [\"z\"]\n",
        "plugins = [{ name = \"key-auth\", config = { key_names = [\"k\"] } }]\n",
        "name = \"\"\"a\nb\"\"\"\nport = 8",
        "[[consumers]]\nusername = 'a'\ntags = [\n  'x',\n]\n",
        "workerz = 1\nrequest_headerss = 2\n",
    ] {
        assert_eq!(covered(text), text);
    }
}

#[test]
fn values_of_secrets_and_of_unknown_keys_are_covered() {
    for (text, shown) in [
        ("key = \"abc\"", "key = \"***\""),
        ("key = abc", "key = ***"),
        ("secret='abc' # was b", "secret='***' *******"),
        ("passwrod = \"abc\"", "passwrod = \"***\""),
        (
            "pass = \"abc\"\nsecrets = 'd'",
            "pass = \"***\"\nsecrets = '*'",
        ),
        (
            "k = [{ key = \"a\", tags = [\"t\"], kee = 5 }]",
            "k = [{ key = \"*\", tags = [\"t\"], kee = * }]",
        ),
        (
            "config = { redis = { password = \"ü\" } }",
            "config = { redis = { password = \"*\" } }",
        ),
        (
            "config.redis.password = 'a'\nport = 1",
            "config.redis.password = '*'\nport = 1",
        ),
        ("hash = \"a\\\"b\"", "hash = \"****\""),
        (
            "consumers = 'a'\nredis = 'b'",
            "consumers = '*'\nredis = '*'",
        ),
        ("url = \"http://u:p@h/x\"", "url = \"http://***@h/x\""),
    ] {
        assert_eq!(covered(text), shown);
    }
}

#[test]
fn what_makes_no_sense_is_covered() {
    for (text, shown) in [
        ("key = \"abc\nname = \"x\"", "key = \"***\nname = \"x\""),
        ("name \"abc\"", "name******"),
        ("key \"abc\"", "*********"),
        ("abc\"", "****"),
        (
            "secret = \"\"\"\nabc\\q\ndef",
            "secret = \"\"\"\n*****\n***",
        ),
        (
            "tags = [\"a\"\n[[consumers]]\nkey = \"abc\"",
            "tags = [\"a\"\n[[consumers]]\nkey = \"***\"",
        ),
        ("= \"abc\"", "= \"***\""),
        ("name = \"x\" abc", "name = \"x\" ***"),
        ("[consumers.\"abc\"]", "[consumers.******"),
    ] {
        assert_eq!(covered(text), shown);
    }
}

#[test]
fn any_text_is_read_to_its_end() {
    for text in [
        "",
        "[",
        "{",
        "a.",
        "\"\\",
        "k = ü",
        "[\u{0}",
        "k = [ü}",
        "a = {ü",
        "k=\"ü\\ü",
    ] {
        covered(text);
    }
    covered(&"[".repeat(100_000));
    covered(&format!("a = {}", "[{a=".repeat(100_000)));
}
