//! `silverback cert` on the command line.

use std::path::PathBuf;

use clap::Args;
use clap::Subcommand;

/// Makes certificates.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum CertCommand {
    /// Make a certificate for trying TLS out, and the local authority that signs it
    ///
    /// The authority is made once and used again: whoever trusts its certificate trusts all that come after.
    /// Prints what belongs into the configuration.
    #[command(after_help = DEV_EXAMPLES)]
    Dev(DevArgs),
}

/// What is made, and where.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct DevArgs {
    /// The names and addresses that the certificate is for
    #[arg(value_name = "NAME", default_value = "localhost", value_parser = name)]
    pub names: Vec<String>,
    /// Where the files go
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// Write over a certificate that is there already
    #[arg(long)]
    pub force: bool,
}

/// A name that a certificate can be for, and a file can have.
fn name(text: &str) -> Result<String, String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'*' | b':');
    if text.is_empty() || text.starts_with(['.', '-']) || !text.bytes().all(fits) {
        return Err("want a host name, one that starts with `*.`, or an IP address".to_owned());
    }
    Ok(text.to_ascii_lowercase())
}

const DEV_EXAMPLES: &str = "\
Examples:
  silverback cert dev
  silverback cert dev api.localhost '*.api.localhost' 127.0.0.1 --dir certs
  curl --cacert certs/ca.pem https://api.localhost:8443/";
