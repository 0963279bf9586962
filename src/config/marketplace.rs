//! A configuration of any size in the manner of an API marketplace, for tests, benchmarks and demonstrations.
//!
//! Everything follows from the number of an API, so that two runs and two machines measure the same.

use std::fmt::Write;

const WORDS: [&str; 16] = [
    "weather",
    "maps",
    "payments",
    "translate",
    "stocks",
    "recipes",
    "flights",
    "sms",
    "images",
    "news",
    "geo",
    "fraud",
    "music",
    "sports",
    "lottery",
    "books",
];

/// A configuration with `apis` services of one route each: half have a host of their own, half share one host and
/// have a path of their own; some match by method, header or regex too.
pub fn generate(apis: usize) -> String {
    let mut out = String::with_capacity(256 + apis * 320);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "# An API marketplace with {apis} APIs, made by `config::marketplace::generate({apis})`.\n\n\
         [[listeners]]\naddress = \"127.0.0.1:8000\"\n\n\
         [admin]\naddress = \"127.0.0.1:8001\"\n\n\
         [timeouts]\nclient_header = \"5s\"\n"
    );
    for number in 0..apis {
        api(number, &mut out);
    }
    out
}

fn api(number: usize, out: &mut String) {
    let name = format!("{}-{number:05}", WORDS[number % WORDS.len()]);
    let provider = number * 7_919 % 997;
    let (high, low) = (number / 250 % 250, number % 250 + 1);
    let _ = write!(
        out,
        "\n[[services]]\nname = \"{name}\"\nurl = \"http://10.9.{high}.{low}:9000/{name}\"\n\
         connect_timeout = \"2s\"\nread_timeout = \"{}s\"\ntags = [\"provider-{provider}\"]\n\
         [[services.routes]]\nname = \"{name}\"\n",
        5 + number % 4 * 5
    );
    let _ = match number % 8 {
        0 | 2 | 4 => writeln!(
            out,
            "hosts = [\"{name}.market.example\"]\npaths = [\"/v1\", \"/v2\"]"
        ),
        6 => writeln!(
            out,
            "hosts = [\"{name}.market.example\", \"*.{name}.example\"]"
        ),
        1 | 5 => writeln!(
            out,
            "hosts = [\"api.market.example\"]\npaths = [\"/{name}\"]"
        ),
        3 => writeln!(
            out,
            "hosts = [\"api.market.example\"]\npaths = [\"/{name}/v1\"]\nmethods = [\"GET\", \"POST\"]"
        ),
        _ => writeln!(
            out,
            "hosts = [\"api.market.example\"]\npaths = ['~/{name}/(?<id>\\d+)$']\nstrip_path = false"
        ),
    };
    if number % 100 == 99 {
        let _ = writeln!(out, "headers = {{ x-plan = [\"pro\", \"ultra\"] }}");
    }
}

#[cfg(test)]
mod tests {
    use super::generate;

    #[test]
    fn the_committed_file_is_what_the_generator_makes() {
        let path = "config/marketplace.toml";
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, generate(24)).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), generate(24));
    }
}
