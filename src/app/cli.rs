//! The command line, as data: what may be typed, what it means, and how it is explained.
//!
//! Parsing ends in a [`Command`] that cannot be wrong in form; the composition root carries it out.
//! Completion and man pages come from the same declarations ([`pages`]), so that they never drift.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

pub mod cert;
pub mod pages;
#[cfg(test)]
mod tests;
mod values;

pub use values::OriginUrl;

use crate::explain::FieldLine;
use crate::explain::Question;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything is fine.
    Fine,
    /// The input was understood and refused: a bad configuration, a failed check, a reload that was
    /// not taken.
    Refused,
    /// The command line was not understood.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Fine => Self::from(0),
            Exit::Refused => Self::from(1),
            Exit::Usage => Self::from(2),
        }
    }
}

/// Reads the arguments, the program's name first.
///
/// # Errors
/// What clap has to say, which may be the help that was asked for: print it with
/// [`clap::Error::print`] and leave with [`exit_of`].
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, clap::Error> {
    Cli::try_parse_from(arguments).map(|cli| cli.command)
}

/// How the program ends after `error` was printed: fine for `--help` and `--version`.
pub fn exit_of(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Fine
    }
}

/// An API gateway: one TOML file in, HTTP proxied at close to the kernel's own cost.
#[derive(Debug, Parser)]
#[command(name = "silverback", version, propagate_version = true)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
#[command(max_term_width = 100, after_help = TOP_EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the gateway
    ///
    /// SIGHUP reloads the configuration, SIGUSR1 reopens the log files, SIGUSR2 puts a new process in
    /// this one's place (see `silverback upgrade`), SIGTERM and SIGINT drain:
    /// nothing new is accepted, what is in flight is answered, and the process leaves within
    /// `gateway.drain_timeout`.
    #[command(after_help = RUN_EXAMPLES)]
    Run {
        /// Which configuration file.
        #[command(flatten)]
        config: ConfigArgs,
        /// What carries the I/O.
        #[command(flatten)]
        driver: DriverArgs,
    },

    /// Check a configuration and report every fault with its place
    #[command(after_help = CHECK_EXAMPLES)]
    Check {
        /// Which configuration file.
        #[command(flatten)]
        config: ConfigArgs,
        /// How to print.
        #[command(flatten)]
        output: OutputArgs,
    },

    /// Proxy one address to one origin, without any file
    #[command(after_help = PROXY_EXAMPLES, override_usage = PROXY_USAGE)]
    Proxy(ProxyArgs),

    /// Run the gateway with a mock origin behind it, to try things out
    #[command(after_help = DEMO_EXAMPLES)]
    Demo {
        /// Where to listen: ADDRESS:PORT; a port alone means every IPv4 address. The Admin API takes the next port, on
        /// 127.0.0.1
        #[arg(short, long, value_name = "ADDR", default_value = "127.0.0.1:8000")]
        #[arg(value_parser = values::listen)]
        listen: SocketAddr,
        /// What carries the I/O.
        #[command(flatten)]
        driver: DriverArgs,
    },

    /// Ask questions about routes
    #[command(subcommand, arg_required_else_help = true)]
    Route(RouteCommand),

    /// Make the running gateway read its configuration again
    ///
    /// Prints what was added, removed and changed, or the faults, in which case the old
    /// configuration stays in force.
    #[command(after_help = RELOAD_EXAMPLES)]
    Reload {
        /// Which configuration file.
        #[command(flatten)]
        config: ConfigArgs,
        /// The admin listener, if it is not the one that the configuration names
        #[arg(long, value_name = "ADDR", value_parser = values::listen)]
        admin: Option<SocketAddr>,
        /// Return only when every worker serves the new configuration, and not as soon as it is accepted
        #[arg(long)]
        wait: bool,
    },

    /// Put a new process in the place of the running one, without a connection refused or a request lost
    ///
    /// The running gateway starts the program that is on disk now, gives it its listening sockets and its
    /// store, and ends what it has open once the new process serves. If the new process does not get so
    /// far, the old one serves on. SIGUSR2 asks for the same.
    #[command(after_help = UPGRADE_EXAMPLES)]
    Upgrade {
        /// Which configuration file the gateway runs by.
        #[command(flatten)]
        config: ConfigArgs,
        /// The new program, if it is not where the running one was
        #[arg(long, value_name = "FILE")]
        binary: Option<PathBuf>,
        /// Seconds that the new process has to become ready, 30 unless said otherwise
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
        timeout: Option<u64>,
        /// Return only when the old process has ended, and show until then what it has open
        #[arg(long)]
        wait: bool,
    },

    /// Look at the configuration
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),

    /// Make tokens for the Admin API
    #[command(subcommand, arg_required_else_help = true)]
    Token(TokenCommand),

    /// Make certificates
    #[command(subcommand, arg_required_else_help = true)]
    Cert(cert::CertCommand),

    /// Read one of Kong's declarative documents, into the store or into a TOML file
    #[command(after_help = IMPORT_EXAMPLES)]
    Import {
        /// The document, in YAML or JSON, of format 1.1, 2.1 or 3.0
        #[arg(value_name = "FILE")]
        document: PathBuf,
        /// Write a TOML file instead; `-` is standard output
        #[arg(long, value_name = "FILE")]
        to_toml: Option<PathBuf>,
        /// Write over the TOML file if there is one
        #[arg(long, requires = "to_toml")]
        force: bool,
        /// Which configuration file names the store.
        #[command(flatten)]
        config: ConfigArgs,
    },

    /// Print everything that files and store hold
    #[command(after_help = EXPORT_EXAMPLES)]
    Export {
        /// In which form
        #[arg(long, value_enum, default_value_t = ExportForm::Kong)]
        form: ExportForm,
        /// Which configuration file.
        #[command(flatten)]
        config: ConfigArgs,
    },

    /// Check this machine: kernel, io_uring, limits, cgroup; each finding with its remedy
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor {
        /// Which configuration file.
        #[command(flatten)]
        config: ConfigArgs,
        /// How to print.
        #[command(flatten)]
        output: OutputArgs,
    },

    /// Print the version
    Version {
        /// How to print.
        #[command(flatten)]
        output: OutputArgs,
    },

    /// Print the completion script for a shell
    #[command(after_help = COMPLETION_EXAMPLES)]
    Completion {
        /// The shell
        shell: clap_complete::Shell,
    },

    /// Print the manual page, or write one page for each command
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Write all pages into this directory instead
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// How everything is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportForm {
    /// As one of Kong's declarative documents
    Kong,
    /// As TOML, secrets included
    Toml,
}

/// Questions about routes.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum RouteCommand {
    /// Show which route a request takes, why the others lost, and what the origin gets
    #[command(after_help = ROUTE_EXAMPLES)]
    Test {
        /// Which configuration file.
        #[command(flatten)]
        config: ConfigArgs,
        /// How to print.
        #[command(flatten)]
        output: OutputArgs,
        /// The request: an optional method and a URL, in quotes
        #[arg(value_name = "REQUEST", value_parser = Question::parse)]
        request: Question,
        /// A header field of the request, may be repeated
        #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
        #[arg(value_parser = FieldLine::parse)]
        headers: Vec<FieldLine>,
    },
}

/// Looks at the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ConfigCommand {
    /// Print the effective configuration: includes resolved, defaults filled in
    #[command(after_help = SHOW_EXAMPLES)]
    Show(ConfigArgs),
}

/// Makes tokens for the Admin API.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum TokenCommand {
    /// Print a new token, and what belongs into the configuration
    ///
    /// The configuration keeps the token's hash alone; what is printed here is shown nowhere again.
    #[command(after_help = TOKEN_EXAMPLES)]
    New {
        /// Who will have it
        #[arg(long, default_value = "admin")]
        name: String,
        /// What it is good for
        #[arg(long, value_enum, default_value_t)]
        role: TokenRole,
        /// How to print.
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// What a token is good for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TokenRole {
    /// Looking
    Read,
    /// Looking and changing
    #[default]
    Write,
}

/// Which configuration file.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigArgs {
    /// The configuration file [default: ./silverback.toml, then /etc/silverback/silverback.toml]
    #[arg(short = 'c', long = "config", value_name = "FILE")]
    pub file: Option<PathBuf>,
}

impl ConfigArgs {
    /// The files to look for, in order; the first that exists is meant.
    pub fn candidates(&self) -> Vec<PathBuf> {
        match &self.file {
            Some(file) => vec![file.clone()],
            None => CONFIG_FILES.iter().map(PathBuf::from).collect(),
        }
    }
}

/// Where a configuration is looked for when none is named.
pub const CONFIG_FILES: [&str; 2] = ["./silverback.toml", "/etc/silverback/silverback.toml"];

/// How to print.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputArgs {
    /// For people, or for programs
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// What carries the I/O.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DriverArgs {
    /// What carries the I/O
    #[arg(long, value_name = "DRIVER", value_enum, default_value_t)]
    pub driver: DriverChoice,
}

/// What carries the I/O.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DriverChoice {
    /// io_uring where the kernel allows it, else epoll
    #[default]
    Auto,
    /// epoll, at a higher cost per request
    Epoll,
}

/// A form of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For editors, scripts and CI
    Json,
}

/// From where to where; each as an option or by its position.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct ProxyArgs {
    #[arg(value_name = "LISTEN", value_parser = values::listen, hide = true)]
    #[arg(
        required_unless_present = "listen_option",
        conflicts_with = "listen_option"
    )]
    #[arg(requires = "to_position")]
    listen_position: Option<SocketAddr>,
    #[arg(value_name = "TO", value_parser = values::origin, hide = true)]
    #[arg(required_unless_present = "to_option", conflicts_with = "to_option")]
    to_position: Option<OriginUrl>,
    /// Where to listen: ADDRESS:PORT; a port alone means every IPv4 address
    #[arg(short, long = "listen", visible_alias = "from", value_name = "ADDR")]
    #[arg(value_parser = values::listen, id = "listen_option")]
    listen_option: Option<SocketAddr>,
    /// The origin: a URL, or HOST:PORT for http; a port alone means 127.0.0.1
    #[arg(short, long = "to", value_name = "URL", value_parser = values::origin)]
    #[arg(id = "to_option")]
    to_option: Option<OriginUrl>,
    /// What carries the I/O.
    #[command(flatten)]
    pub driver: DriverArgs,
}

impl ProxyArgs {
    /// Where to listen.
    #[expect(clippy::expect_used, reason = "clap refuses a command line without it")]
    pub fn listen(&self) -> SocketAddr {
        self.listen_option
            .or(self.listen_position)
            .expect("clap requires one of the two")
    }

    /// The origin.
    #[expect(clippy::expect_used, reason = "clap refuses a command line without it")]
    pub fn to(&self) -> &OriginUrl {
        let to = self.to_option.as_ref().or(self.to_position.as_ref());
        to.expect("clap requires one of the two")
    }
}

const TOP_EXAMPLES: &str = "\
Examples:
  silverback demo                              try it: a gateway and an origin in one process
  silverback proxy :8080 127.0.0.1:9000        put it in front of something
  silverback run --config silverback.toml      run it

Exit codes: 0 fine, 1 refused (a bad configuration, a failed check), 2 usage";
const RUN_EXAMPLES: &str = "\
Examples:
  silverback run
  silverback run --config /etc/silverback/silverback.toml";
const CHECK_EXAMPLES: &str = "\
Examples:
  silverback check
  silverback check --config new.toml --format json

Exit codes: 0 no fault, 1 at least one fault or no such file, 2 usage";
const PROXY_USAGE: &str = "silverback proxy --listen <ADDR> --to <URL>
       silverback proxy <ADDR> <URL>";
const PROXY_EXAMPLES: &str = "\
Examples:
  silverback proxy --listen 127.0.0.1:8080 --to http://127.0.0.1:9000
  silverback proxy :8080 127.0.0.1:9000
  silverback proxy 8080 http://origin.internal/base";
const DEMO_EXAMPLES: &str = "\
Examples:
  silverback demo
  silverback demo --listen :8080";
const RELOAD_EXAMPLES: &str = "\
Examples:
  silverback reload
  silverback reload --wait --admin 127.0.0.1:8001
  SILVERBACK_ADMIN_TOKEN=sbk_... silverback reload      where the admin listener has tokens

Exit codes: 0 taken, 1 refused or nobody answers, 2 usage";
const UPGRADE_EXAMPLES: &str = "\
Examples:
  silverback upgrade
  silverback upgrade --wait --config /etc/silverback/silverback.toml
  silverback upgrade --binary ./silverback-next --timeout 60

Exit codes: 0 the new process serves, 1 the old one serves on, or nobody answers, 2 usage";
const IMPORT_EXAMPLES: &str = "\
Examples:
  silverback import kong.yaml --to-toml imported.toml
  silverback import kong.json --config /etc/silverback/silverback.toml";
const EXPORT_EXAMPLES: &str = "\
Examples:
  silverback export > kong.yaml
  silverback export --form toml";
const DOCTOR_EXAMPLES: &str = "\
Examples:
  silverback doctor
  silverback doctor --format json

Exit codes: 0 nothing failed (there may be warnings), 1 a check failed, 2 usage";
const COMPLETION_EXAMPLES: &str = "\
Examples:
  source <(silverback completion bash)
  silverback completion zsh > ~/.zfunc/_silverback
  silverback completion fish > ~/.config/fish/completions/silverback.fish";
const MAN_EXAMPLES: &str = "\
Examples:
  silverback man | man -l -
  silverback man --dir /usr/local/share/man/man1";
const ROUTE_EXAMPLES: &str = "\
Examples:
  silverback route test https://api.example.com/v1/orders
  silverback route test 'POST http://api.example.com/v1/orders' -H 'x-version: 2'";
const SHOW_EXAMPLES: &str = "\
Examples:
  silverback config show
  silverback config show --config silverback.toml > effective.toml";
const TOKEN_EXAMPLES: &str = "\
Examples:
  silverback token new --name ci
  silverback token new --name dashboard --role read";
