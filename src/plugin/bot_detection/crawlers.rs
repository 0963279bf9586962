//! The crawlers that are known: those of Kong, who has them from ua-parser's list of 2016.
//!
//! Kong searches for thirteen expressions that also find names and versions. Whether one of them matches depends on less,
//! and that much stands here; what a more general row covers is left out. Names, rows, and rows that repeat something have
//! tables of their own: one for all would be thirty times as large as the three, and take 17 seconds to make.

use std::sync::LazyLock;

use crate::plugin::patterns::Pattern;

/// Whether a user agent is one of them.
pub(super) fn include(agent: &[u8]) -> bool {
    let mut known = CRAWLERS.iter().flatten();
    known.any(|pattern| pattern.matches(agent))
}

/// Makes the tables, which takes a fifth of a second once.
pub(super) fn prepare() {
    LazyLock::force(&CRAWLERS);
}

/// Made once for all plugins. That the constants compile is for the tests to see.
static CRAWLERS: LazyLock<[Option<Pattern>; 3]> = LazyLock::new(|| {
    let of = |rows: &[&str]| Pattern::within(&rows.join("|")).ok();
    [of(NAMES), of(ROWS), of(REPETITIONS)]
});

/// Bytes that stand for themselves.
const NAMES: &[&str] = &[
    "Aboundex",
    "altavista",
    "Apache-HttpClient",
    "AppEngine-Google",
    "archiver",
    "Ask Jeeves",
    "BingPreview",
    "BlogBridge",
    "BoardReader",
    "BotSeer",
    "Checklinks",
    "clumboot",
    "Daumoa",
    "favicon",
    "findlinks",
    "Flamingo_SearchEngine",
    "Genieo",
    "GomezAgent",
    "gonzo1",
    "Google SketchUp",
    "Google-HTTP-Java-Client",
    "grub-client",
    "heritrix",
    "HiddenMarket",
    "holmes",
    "HooWWWer",
    "htdig",
    "http%20client",
    "HttpMonitor",
    "Icarus6j",
    "ichiro",
    "IconSurf",
    "IlTrovatore",
    "InfuzApp",
    "InternetArchive",
    "JNLP",
    "Kraken",
    "Kurzor",
    "larbin",
    "LEIA",
    "LinkAider",
    "Llaut",
    "lycos",
    "Mediapartners-Google",
    "mogimogi",
    "mozDex",
    "netresearch",
    "Netvibes",
    "NewsGator",
    "Nutch",
    "Nymesis",
    "ObjectsSearch",
    "OOZBOT",
    "Orbiter",
    "PagePeeker",
    "PagesInventory",
    "PaxleFramework",
    "Pompos",
    "Python-urllib",
    "Read%20Later",
    "Reaper",
    "RedCarpet",
    "Retreiver",
    "Riddler",
    "Rival IQ",
    "scooter",
    "Scrapy",
    "Scrubby",
    "searchsight",
    "semanticdiscovery",
    "SEOstats",
    "SimplePie",
    "SimpleRSS",
    "Simpy",
    "SiteCon",
    "Slurp",
    "snappy",
    "Squrl Java",
    "TLSProber",
    "URL2PNG",
    "Vagabondo",
    "Web-sniffer",
    "WebThumb",
    "WhatWeb",
    "WinHTTP",
    "WIRE",
    "WordPress",
    "Wotbox",
    "yacy",
    "YottaaMonitor",
    "Yowedo",
    "ZooShot",
    "ZyBorg",
];

/// Rows that match a bounded number of bytes.
const ROWS: &[&str] = &[
    "(?i:spider)",
    "[Ss]crape",
    "(?i:crawl)",
    "[^C][^Uu][Bb]ot",
    r"(?:Archiver|[Ii]ndexer|[Bb]ot)[ /]\d",
    r"/(?:Axtaris|fetchurl|Isara|ShopSalad|Tailsweep)[ \-]\d",
    r"(?:008|Altresium|Argus|BaiduMobaider|DNSGroup|DataparkSearch|EDI|Goodzer|Grub|INGRID|Infohelfer|LOOQ|PathDefender|Peew|PostPost|Steeler|VSE|WebCrunch|WebZIP|Y!J-BR[A-Z]|envolk|sproose|wminer)/\d",
    r"50\.nu",
    r"\bYeti",
    "[Cc]harlotte",
    r"jbot\b",
    "^NING",
    r"Thumbshots\.ru",
    "^vortex",
    "^voyager",
    "WeSEE:[A-z]",
    r"www\.almaden\.ibm\.com",
    "Xenu(?:.s)? Link Sleuth",
    r"Yandex\w",
    "^Zao",
    "boitho.com-dc",
    "WASALive.Bot",
];

/// Rows that match any number.
const REPETITIONS: &[&str] = &[
    r"/[A-z]+[Bb]ot-\d",
    r"Google.*/\+/web/snippet",
    r"facebookexternalhit/\d+\.\d",
    "Accoona-[A-z]+-Agent",
    "IP2[a-z]+Bot",
    "Microsoft .* Bot",
    "Xerka [A-z]+Bot",
    "Yahoo[a-z]*Seeker",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_made_of_all_rows() {
        let tables = CRAWLERS.iter().flatten();
        assert_eq!(tables.filter(|pattern| pattern.has_table()).count(), 3);
    }

    #[test]
    fn crawlers_are_known_and_others_are_not() {
        for crawler in [
            "Scrapy/1.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
            "Twitterbot/1.0",
            "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; MSIECrawler)",
            "Mozilla/5.0 (compatible; Yahoo! Slurp)",
            "Mozilla/5.0 (compatible; YandexBot/3.0)",
            "Google-HTTP-Java-Client/1.17.0-rc (gzip)",
            "Python-urllib/3.11",
            "jbot",
            "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
            "Baiduspider-image",
            "Zao/0.1",
            "YahooSeeker/1.2",
            "msnbot-media/1.1",
            "VSE/1.0 (visual search)",
            "x/Cubot-1",
            "a \u{e9} SPIDER",
        ] {
            assert!(include(crawler.as_bytes()), "{crawler}");
        }
        for other in [
            "",
            "curl/8",
            "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36",
            "Mozilla/5.0 (Linux; Cubot)",
            "jbots",
            "bot",
            "VSE",
            "a Zao",
            "okhttp/4.12.0",
            "PostmanRuntime/7.39.0",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        ] {
            assert!(!include(other.as_bytes()), "{other}");
        }
    }
}
