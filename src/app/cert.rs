//! `silverback cert dev`: a certificate for trying TLS out, signed by an authority of this machine's own.

use std::fs;
use std::fs::File;
use std::io::ErrorKind;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::X509Certificate;

use crate::app::cli::Exit;
use crate::app::cli::cert::DevArgs;
use crate::base::clock;
use crate::entity::rules;
use crate::net::tls::certificates;

/// The authority's name; an authority of another name is not ours to sign with.
const AUTHORITY: &str = "Silverback local authority";
/// How long a certificate is good for; clients refuse those of more than 398 days.
const DAYS: u64 = 365;
/// How long the authority is good for.
const AUTHORITY_DAYS: u64 = 3650;
/// Clocks of clients may be behind this one.
const BEFORE: u64 = 3600;
const DAY: u64 = 86_400;

/// What was made.
#[derive(Debug)]
struct Made {
    /// The certificate of the authority.
    authority: PathBuf,
    /// The certificate.
    cert: PathBuf,
    /// Its private key.
    key: PathBuf,
}

/// Makes the files, and prints what belongs into the configuration.
pub fn dev(arguments: &DevArgs) -> Exit {
    let made = match make(arguments, clock::unix_micros() / 1_000_000) {
        Ok(made) => made,
        Err(why) => {
            eprintln!("silverback: {why}");
            return Exit::Refused;
        }
    };
    eprintln!("clients have to trust {}", made.authority.display());
    // TOML's basic strings are JSON's.
    let quoted = |path: &Path| serde_json::Value::from(path.display().to_string());
    let (cert, key) = (quoted(&made.cert), quoted(&made.key));
    let printed = writeln!(
        std::io::stdout(),
        "[[listeners]]\naddress = \"127.0.0.1:8443\"\n\
         tls = {{ certificates = [{{ cert = {cert}, key = {key} }}] }}"
    );
    super::exit_of(&printed)
}

/// Makes the files; `now` is in seconds since the Unix epoch. Nothing is written if anything is in the way.
fn make(arguments: &DevArgs, now: u64) -> Result<Made, String> {
    let DevArgs { names, dir, force } = arguments;
    let first = names.first().map_or("localhost", String::as_str);
    let stem = first.replace('*', "_").replace(':', "-");
    let made = Made {
        authority: dir.join("ca.pem"),
        cert: dir.join(format!("{stem}.pem")),
        key: dir.join(format!("{stem}.key")),
    };
    let authority_key = dir.join("ca.key");
    if [&made.cert, &made.key]
        .iter()
        .any(|path| [&made.authority, &authority_key].contains(path))
    {
        return Err(format!(
            "{first} cannot come first: the authority's files have that name"
        ));
    }
    let in_the_way = |path: &&PathBuf| !force && path.exists();
    if let Some(path) = [&made.cert, &made.key].into_iter().find(in_the_way) {
        return Err(format!(
            "{} exists already, and is left as it is: name another --dir, or write over it with --force",
            path.display()
        ));
    }
    let kept = match kept(&made.authority, &authority_key, now) {
        Err(_) if *force => None,
        kept => kept?,
    };
    let (authority, fresh) = match kept {
        Some(key) => (key, false),
        None => (KeyPair::generate().map_err(told)?, true),
    };
    let authority_pem = authority_of(now)?
        .self_signed(&authority)
        .map_err(told)?
        .pem();
    let authority_secret = authority.serialize_pem();
    let issuer = Issuer::new(authority_of(now)?, authority);
    let key = KeyPair::generate().map_err(told)?;
    let cert = leaf(names, now)?
        .signed_by(&key, &issuer)
        .map_err(told)?
        .pem();

    fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    if fresh {
        write(&authority_key, &authority_secret, SECRET, *force)?;
        write(&made.authority, &authority_pem, PUBLIC, *force)?;
    }
    write(&made.key, &key.serialize_pem(), SECRET, *force)?;
    write(&made.cert, &cert, PUBLIC, *force)?;
    Ok(made)
}

/// The key of the authority that is there, if there is one.
fn kept(cert: &Path, key: &Path, now: u64) -> Result<Option<KeyPair>, String> {
    if !cert.exists() && !key.exists() {
        return Ok(None);
    }
    let refuse = |why: &str| {
        format!(
            "{}: {why}: name another --dir, or write over it with --force",
            cert.display()
        )
    };
    let read = |path: &Path| fs::read_to_string(path).map_err(|error| refuse(&error.to_string()));
    let (cert, key) = (read(cert)?, read(key)?);
    if !rules::belong_together(&cert, &key).map_err(|why| refuse(&why))? {
        return Err(refuse("the key beside it is another's"));
    }
    let facts = rules::facts(&cert).map_err(|why| refuse(&why))?;
    let chain = certificates::certificates(cert.as_bytes()).map_err(|why| refuse(&why))?;
    let subject = chain
        .first()
        .and_then(|der| X509Certificate::from_der(der).ok());
    let subject = subject.map(|(_, parsed)| parsed.subject().to_string());
    if subject != Some(format!("CN={AUTHORITY}")) {
        return Err(refuse("the authority is not one that was made here"));
    }
    let until = i64::try_from(now + DAYS * DAY).unwrap_or(i64::MAX);
    if facts.not_after < until {
        return Err(refuse(
            "the authority is over before a new certificate would be",
        ));
    }
    KeyPair::from_pem(&key).map(Some).map_err(told)
}

fn authority_of(now: u64) -> Result<CertificateParams, String> {
    let mut params = of(Vec::new(), AUTHORITY, now, AUTHORITY_DAYS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(names: &[String], now: u64) -> Result<CertificateParams, String> {
    let first = names.first().map_or("localhost", String::as_str);
    let mut params = of(names.to_vec(), first, now, DAYS)?;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

fn of(names: Vec<String>, common: &str, now: u64, days: u64) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(names).map_err(told)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(now.saturating_sub(BEFORE));
    params.not_after = epoch + Duration::from_secs(now + days * DAY);
    Ok(params)
}

fn told(error: rcgen::Error) -> String {
    error.to_string()
}

/// The rights of a file that its owner alone reads, and of one that everybody may.
const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;

/// Writes a new file. One that is written over goes first, because its rights may be wider.
fn write(path: &Path, text: &str, mode: u32, force: bool) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    if force {
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(told(error)),
            _ => {}
        }
    }
    let mut options = File::options();
    options.write(true).create_new(true).mode(mode);
    let mut file = options.open(path).map_err(told)?;
    file.write_all(text.as_bytes()).map_err(told)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_made_is_kept_unless_forced_and_its_authority_signs_again() {
        let directory = tempfile::tempdir().unwrap();
        let arguments = |name: &str, force| DevArgs {
            names: vec![name.to_owned(), "127.0.0.1".to_owned()],
            dir: directory.path().to_owned(),
            force,
        };
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        let made = make(&arguments("localhost", false), 1_800_000_000).unwrap();
        let (authority, cert) = (read(&made.authority), read(&made.cert));
        assert_eq!(rules::belong_together(&cert, &read(&made.key)), Ok(true));
        for key in [&made.key, &directory.path().join("ca.key")] {
            let mode = fs::metadata(key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, SECRET);
        }
        let refused = make(&arguments("localhost", false), 1_800_000_000);
        assert!(refused.unwrap_err().contains("--force"));
        assert_eq!(read(&made.cert), cert);
        make(&arguments("*.localhost", false), 1_800_000_000).unwrap();
        make(&arguments("localhost", true), 1_800_000_000).unwrap();
        assert_ne!(read(&made.cert), cert);
        assert_eq!(read(&made.authority), authority);
        assert!(make(&arguments("ca", false), 1_800_000_000).is_err());
    }
}
