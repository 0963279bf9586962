//! A thousand damaged configurations, one after the other: whenever one is refused, what is served must be what was
//! served before. Those that happen to be good are put back.

use std::hash::DefaultHasher;
use std::hash::Hash;
use std::hash::Hasher;
use std::io;
use std::net::SocketAddrV4;

use crate::cases::Case;
use crate::cases::chaos::Dice;
use crate::client::Client;
use crate::compare::Run;
use crate::lane::Lane;
use crate::lane::Running;
use crate::open::fact;
use crate::verdict::Figure;

/// Something of everything, so that damage finds it.
const SECTIONS: &str = r#"
[[upstreams]]
name = "pair"
algorithm = "least-connections"

[[upstreams.targets]]
target = "127.0.0.1:9"
weight = 10

[[services]]
name = "pair"
host = "pair"
retries = 2

[[services.routes]]
name = "pair"
hosts = ["pair.example"]
paths = ["/pair", "~/p/[0-9]+$"]

[[consumers]]
username = "alice"
[[consumers.keyauth_credentials]]
key = "alice-key"

[[plugins]]
name = "key-auth"
service = "pair"
config = { key_names = ["apikey"] }
"#;

/// What is asked to see what is served: host, path, fields.
const QUESTIONS: [(&str, &str, &str); 6] = [
    ("localhost", "/bytes/100", ""),
    ("localhost", "/other", ""),
    ("pair.example", "/pair", ""),
    ("pair.example", "/pair", "apikey: alice-key\r\n"),
    ("pair.example", "/p/12", "apikey: wrong\r\n"),
    ("pair.example", "/nothing", ""),
];

pub(super) fn run(run: &mut Run) -> io::Result<()> {
    let changes = run.pick(1000, 200);
    let seed = run.options.seed.unwrap_or(1);
    let origin = run.origin(&[])?;
    for lane in run.lanes_among(&[Lane::Silverback]) {
        let mut setup = run.setup(&origin);
        setup.custom.sections = SECTIONS.to_owned();
        let mut running = lane.start(&run.workshop, &setup)?;
        let Some(admin) = running.admin else { continue };
        let good = running.text(|_| {})?;
        let before = behaviour(running.address)?;
        let mut dice = Dice::new(seed);
        let (mut refused, mut taken, mut changed) = (0u64, 0u64, 0u64);
        let mut first = None;
        for number in 0..changes {
            let bad = damage(&good, &mut dice);
            if apply(&running, admin, &bad)? {
                taken += 1;
                if !apply(&running, admin, &good)? || behaviour(running.address)? != before {
                    return Err(io::Error::other(format!(
                        "change {number} cannot be taken back"
                    )));
                }
                continue;
            }
            refused += 1;
            if behaviour(running.address)? != before {
                changed += 1;
                first.get_or_insert(bad);
                apply(&running, admin, &good)?;
            }
        }
        if let Some(text) = first {
            std::fs::write(run.options.out.join("mutation.toml"), text)?;
        }
        let detail = format!("{refused} refused, {taken} good ones taken back; seed {seed}");
        let facts = vec![
            fact("damaged configurations", detail.clone()),
            fact("refused, and yet something changed", changed.to_string()),
        ];
        run.report.found(&Case::Mutations.name(), lane, facts);
        super::bench::count(run, Figure::Mutations, changed as f64, detail);
    }
    Ok(())
}

/// Whether the gateway took it.
fn apply(running: &Running, admin: SocketAddrV4, text: &str) -> io::Result<bool> {
    running.draft(text)?.publish()?;
    let reply = Client::connect(admin)?.exchange("POST", "localhost", "/reload", "", b"")?;
    match reply.status {
        200..=299 => Ok(true),
        400..=499 => Ok(false),
        status => Err(io::Error::other(format!("a reload was answered {status}"))),
    }
}

/// A digest of the answers to all questions.
fn behaviour(address: SocketAddrV4) -> io::Result<u64> {
    let mut digest = DefaultHasher::new();
    for (host, path, fields) in QUESTIONS {
        let reply = Client::connect(address)?.exchange("GET", host, path, fields, b"")?;
        (reply.status, reply.body.len()).hash(&mut digest);
    }
    Ok(digest.finish())
}

/// A copy with one thing wrong, most often.
fn damage(text: &str, dice: &mut Dice) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let at = dice.below(lines.len() as u64) as usize;
    let line = lines[at];
    let cut = dice.below(1 + line.chars().count() as u64) as usize;
    let (head, tail): (String, String) = (
        line.chars().take(cut).collect(),
        line.chars().skip(cut).collect(),
    );
    let changed = match dice.below(8) {
        0 => String::new(),
        1 => format!("{line}\n{line}"),
        2 => head,
        3 => format!("{head}{}", tail.chars().skip(1).collect::<String>()),
        4 => format!("{head}\"{tail}"),
        5 => format!("{line}\nunknown_key = 1"),
        6 => line.replace(
            |letter: char| letter.is_ascii_digit(),
            "99999999999999999999",
        ),
        _ => line.replacen("\"", "\"no-such-", 1),
    };
    let all = lines.iter().enumerate();
    all.map(|(number, line)| if number == at { changed.as_str() } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::damage;
    use crate::cases::chaos::Dice;

    #[test]
    fn damage_is_drawn_and_most_often_visible() {
        let text = "[a]\nb = \"c\"\nd = 12\n";
        let mut dice = Dice::new(3);
        let damaged: Vec<String> = (0..100).map(|_| damage(text, &mut dice)).collect();
        let visible = damaged
            .iter()
            .filter(|found| found.as_str() != text.trim_end());
        assert!(visible.count() > 60);
        let mut dice = Dice::new(3);
        assert_eq!(damage(text, &mut dice), damaged[0]);
    }
}
