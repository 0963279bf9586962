//! `[admin]`: the listener and its tokens. One that others can reach must have some.

use std::net::SocketAddr;

use crate::config::code::Code;
use crate::config::fault::Sink;
use crate::config::model::Admin;
use crate::config::model::AdminRole;
use crate::config::model::AdminToken;
use crate::config::raw::Table;
use crate::config::raw::text::Text;
use crate::config::schema;

use super::sections::socket;

/// What a token is good for.
pub(in crate::config) const ROLES: [(&str, AdminRole); 2] =
    [("read", AdminRole::Read), ("write", AdminRole::Write)];

/// What stands before a hash.
const SCHEME: &str = "sha256:";

/// The section.
pub(super) fn admin(table: &Table<'_>, sink: &mut Sink) -> Admin {
    let text = table.text("address", sink);
    let address = text.and_then(|text| socket(&text, None, sink));
    let mut tokens: Vec<AdminToken> = Vec::new();
    for table in table.tables("tokens", &schema::ADMIN_TOKENS, sink) {
        let Some((name, token)) = token(&table, sink) else {
            continue;
        };
        if tokens.iter().any(|other| other.name == token.name) {
            let message = format!("token '{}' exists already", token.name);
            name.fault(Code::DuplicateEntity, message, sink);
        }
        tokens.push(token);
    }
    // A token that is wrong is a fault already, and says that there should be one.
    let has_tokens = table
        .get("tokens")
        .is_some_and(|item| !item.list(sink).is_empty());
    if let Some((text, address)) = text.zip(address)
        && !address.ip().to_canonical().is_loopback()
        && !has_tokens
    {
        let message =
            format!("{address} is reachable from other machines, and there are no tokens");
        text.fault(Code::AdminExposed, message, sink).hint(
            "listen on 127.0.0.1 or [::1], or add [[admin.tokens]]: `silverback token new` makes one",
        );
    }
    Admin {
        address: address.unwrap_or(default_address()),
        tokens,
    }
}

/// Kong's admin port, reachable from this machine only.
fn default_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8_001))
}

fn token<'t>(table: &Table<'t>, sink: &mut Sink) -> Option<(Text<'t>, AdminToken)> {
    for key in ["name", "role", "hash"] {
        if table.get(key).is_none() {
            table.missing(key, sink);
        }
    }
    let name = table.text("name", sink);
    let role = table
        .text("role", sink)
        .and_then(|text| text.one_of(&ROLES, sink));
    let hash = table.text("hash", sink).and_then(|text| {
        let read = read_hash(text.value);
        if read.is_none() {
            let whose = name.map_or("a token", |name| name.value);
            let message = format!("{whose}: the hash is not `sha256:` and 64 hexadecimal digits");
            let fault = text.fault(Code::BadTokenHash, message, sink);
            fault.hint("`silverback token new` prints a token and its hash");
        }
        read
    });
    let name = name.filter(|text| {
        let empty = text.value.trim().is_empty();
        if empty {
            text.fault(Code::BadName, "a token needs a name", sink);
        }
        !empty
    })?;
    let token = AdminToken {
        name: name.value.to_owned(),
        role: role?,
        hash: hash?,
    };
    Some((name, token))
}

fn read_hash(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(SCHEME)?;
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, place) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(place..place + 2)?, 16).ok()?;
    }
    Some(hash)
}

/// A hash as the configuration has it.
pub(in crate::config) fn write_hash(hash: &[u8; 32]) -> String {
    let digits = hash.iter().map(|byte| format!("{byte:02x}"));
    digits.fold(SCHEME.to_owned(), |text, digits| text + &digits)
}

#[cfg(test)]
mod tests {
    use super::read_hash;
    use super::write_hash;
    use crate::config::parse_str;

    const HASH: &str = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

    #[test]
    fn hashes_survive_the_round_trip() {
        assert_eq!(write_hash(&read_hash(HASH).unwrap()), HASH);
        for bad in [
            "",
            "sha256:",
            "sha256:zz",
            &HASH[7..],
            &HASH[..70],
            "argon2id:x",
        ] {
            assert_eq!(read_hash(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_this_machine_is_served_without_tokens() {
        let faults = |address: &str, more: &str| {
            let text = format!("[admin]\naddress = \"{address}\"\n{more}");
            let loaded = parse_str("x.toml", &text);
            loaded
                .err()
                .map(|faults| (faults.0[0].code.number(), faults.0[0].spot.line))
        };
        let token = format!("tokens = [{{ name = \"a\", role = \"read\", hash = \"{HASH}\" }}]");
        for address in [
            "127.0.0.1:1",
            "127.9.9.9:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(faults(address, ""), None, "{address}");
        }
        for address in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "[fe80::1]:1"] {
            assert_eq!(faults(address, ""), Some(("SB0221", 2)), "{address}");
            assert_eq!(
                faults(address, "tokens = []"),
                Some(("SB0221", 2)),
                "{address}"
            );
            assert_eq!(faults(address, &token), None, "{address}");
        }
    }

    #[test]
    fn a_token_in_place_of_its_hash_is_not_repeated() {
        for text in [
            "[admin]\n[[admin.tokens]]\nname = \"a\"\nrole = \"read\"\nhash = \"canary\"\n",
            "[admin]\ntokens = [{ name = \"a\", role = \"read\", hash = \"canary\" }]\n",
        ] {
            let faults = parse_str("x.toml", text).unwrap_err();
            assert_eq!(faults.0[0].code.number(), "SB0222");
            assert!(!faults.render_text(false).contains("canary"));
            assert!(!faults.render_json().contains("canary"));
        }
    }
}
