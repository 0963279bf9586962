//! Composition root: command line, doctor, demo, exit codes.

pub mod beside;
mod bind;
pub mod cert;
pub mod cli;
pub mod demo;
pub mod doctor;
pub mod import;
pub mod log;
pub mod mock_origin;
pub mod privileges;
pub mod reload;
pub mod run;
pub mod token;
pub mod upgrade;

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use cli::Command;
use cli::ConfigArgs;
use cli::ConfigCommand;
use cli::Exit;
use cli::ExportForm;
use cli::Format;
use cli::ProxyArgs;
use cli::RouteCommand;
use cli::TokenCommand;
use cli::cert::CertCommand;
use run::Plan;

use crate::base::ids::Generation;
use crate::config;
use crate::config::Loaded;
use crate::config::model::Workers;
use crate::explain;
use crate::explain::FieldLine;
use crate::explain::Question;
use crate::lint;
use crate::lint::Finding;
use crate::snapshot;

/// The whole program.
pub fn main() -> Exit {
    let command = match cli::parse(std::env::args_os()) {
        Ok(command) => command,
        Err(error) => {
            // Nothing is left to do when even that cannot be printed.
            let _ = error.print();
            return cli::exit_of(&error);
        }
    };
    log::Log::start();
    obey(command)
}

fn obey(command: Command) -> Exit {
    let mut out = io::stdout();
    let printed = match command {
        Command::Run { config, driver } => {
            return Plan::of_file(found(&config)).driver(driver.driver).run();
        }
        Command::Check { config, output } => return check(&config, output.format),
        Command::Proxy(arguments) => return proxy(&arguments),
        Command::Demo { listen, driver } => return demo::run(listen, driver.driver),
        Command::Route(RouteCommand::Test {
            config,
            output,
            request,
            headers,
        }) => return test_route(&config, output.format, &request, &headers),
        Command::Reload {
            config,
            admin,
            wait,
        } => return reload(&config, admin, wait),
        Command::Upgrade {
            config,
            binary,
            timeout,
            wait,
        } => {
            let wish = upgrade::Wish {
                binary,
                patience_s: timeout,
            };
            return upgrade::ask(&found(&config), &wish, wait);
        }
        Command::Config(ConfigCommand::Show(config)) => return show(&config),
        Command::Import {
            document,
            to_toml,
            force,
            config,
        } => {
            let toml = to_toml.as_deref().map(|path| TomlFile { path, force });
            return take(&document, toml.as_ref(), &config);
        }
        Command::Export { form, config } => return give(form, &config),
        Command::Token(TokenCommand::New { name, role, output }) => {
            token::print(&name, role, output.format, &mut out)
        }
        Command::Cert(CertCommand::Dev(arguments)) => return cert::dev(&arguments),
        Command::Doctor { config, output } => return examine(&config, output.format),
        Command::Version { output } => cli::pages::version(output.format, &mut out),
        Command::Completion { shell } => cli::pages::completion(shell, &mut out),
        Command::Man { dir: Some(dir) } => cli::pages::man_dir(&dir),
        Command::Man { dir: None } => cli::pages::man(&mut out),
    };
    exit_of(&printed)
}

/// Fine if everything was printed.
fn exit_of(printed: &io::Result<()>) -> Exit {
    match printed {
        Ok(()) => Exit::Fine,
        Err(_) => Exit::Refused,
    }
}

/// Says on standard output what is wrong. Who closes it early has read enough: the exit code tells the rest.
fn complain(faults: &str) {
    let _ = writeln!(io::stdout(), "{faults}");
}

/// The first candidate that exists, or the first of all, whose absence is then the fault.
fn found(config: &ConfigArgs) -> PathBuf {
    let candidates = config.candidates();
    let existing = candidates.iter().find(|path| path.exists());
    existing.or(candidates.first()).cloned().unwrap_or_default()
}

/// The configuration; its faults are printed.
fn load(config: &ConfigArgs) -> Result<Loaded, Exit> {
    config::load(&found(config)).map_err(|faults| {
        eprintln!("{}", faults.render_text(io::stderr().is_terminal()));
        Exit::Refused
    })
}

fn check(config: &ConfigArgs, format: Format) -> Exit {
    let path = found(config);
    let loaded = match config::load(&path) {
        Ok(loaded) => loaded,
        Err(faults) => {
            match format {
                Format::Json => complain(&faults.render_json()),
                Format::Text => eprintln!("{}", faults.render_text(io::stderr().is_terminal())),
            }
            return Exit::Refused;
        }
    };
    if let Err(why) = snapshot::compile(&loaded.model, Generation(1), 1) {
        match format {
            Format::Json => {
                let fault = serde_json::json!({
                    "severity": "error", "file": path.display().to_string(), "message": why,
                });
                complain(&serde_json::Value::from(vec![fault]).to_string());
            }
            Format::Text => eprintln!("{}: {why}", path.display()),
        }
        return Exit::Refused;
    }
    let findings = lint::lint(&loaded.model, &loaded.places);
    let missing = beside::missing_directory(&loaded.model);
    if let Some(note) = beside::note(&loaded.model, "http://ADMIN/config/lint") {
        eprintln!("{note}");
    }
    let said = match format {
        Format::Json => {
            let mut rows = config::fault::values(&loaded.warnings);
            rows.extend(findings.iter().map(Finding::value));
            rows.extend(missing.map(|missing| {
                serde_json::json!({
                    "severity": "warning", "file": path.display().to_string(), "message": missing.to_string(),
                })
            }));
            format!("{:#}", serde_json::Value::from(rows))
        }
        Format::Text => {
            for warning in &loaded.warnings {
                eprintln!("{warning}");
            }
            for finding in &findings {
                eprintln!("{finding}");
            }
            if let Some(missing) = missing {
                eprintln!("{}: {missing}", path.display());
            }
            format!("{}: fine", path.display())
        }
    };
    exit_of(&writeln!(io::stdout(), "{said}"))
}

fn show(config: &ConfigArgs) -> Exit {
    match load(config) {
        Ok(loaded) => exit_of(&writeln!(
            io::stdout(),
            "{}",
            config::effective(&loaded.model, config::Secrets::Masked)
        )),
        Err(exit) => exit,
    }
}

fn examine(config: &ConfigArgs, format: Format) -> Exit {
    // A machine is examined for the defaults where the configuration is missing or wrong.
    let needs = match config::load(&found(config)) {
        Ok(loaded) => doctor::Needs {
            connections: loaded.model.limits.connections,
            workers: match loaded.model.gateway.workers {
                Workers::Auto => None,
                Workers::Count(count) => Some(count.into()),
            },
        },
        Err(_) => doctor::Needs::default(),
    };
    let checks = doctor::examine(&doctor::Facts::read(), &needs);
    let mut out = io::stdout();
    let printed = match format {
        Format::Json => doctor::print::json(&checks, &mut out),
        Format::Text => {
            let colour = doctor::print::wants_colour(out.is_terminal());
            doctor::print::text(&checks, colour, &mut out)
        }
    };
    if printed.is_ok() {
        doctor::exit(&checks)
    } else {
        Exit::Refused
    }
}

/// A listener, a service and a route for everything, in memory.
fn proxy(arguments: &ProxyArgs) -> Exit {
    let (listen, to) = (arguments.listen(), arguments.to().as_str());
    let text = format!(
        "[[listeners]]\naddress = \"{listen}\"\n[[services]]\nname = \"proxy\"\nurl = \"{to}\"\n\
         [[services.routes]]\nname = \"proxy\"\npaths = [\"/\"]\n"
    );
    let plan = Plan::of_text("proxy", text);
    plan.driver(arguments.driver.driver).run()
}

fn test_route(
    config: &ConfigArgs,
    format: Format,
    request: &Question,
    headers: &[FieldLine],
) -> Exit {
    let loaded = match load(config) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let tried = match explain::try_request(&loaded.model, request, headers) {
        Ok(tried) => tried,
        Err(why) => {
            eprintln!("silverback: {why}");
            return Exit::Refused;
        }
    };
    let mut text = Vec::new();
    let printed = match format {
        Format::Text => explain::print::text(request, &tried, &mut text),
        Format::Json => explain::print::json(request, &tried, &mut text),
    };
    let printed = printed.and_then(|()| io::stdout().write_all(&text));
    // The request is not repeated: it may hold a key.
    let ask = "-G http://ADMIN/explain --data-urlencode url=URL";
    if let Some(note) = beside::note(&loaded.model, ask) {
        eprintln!("{note}");
    }
    match tried.verdict {
        explain::Verdict::Served(..) => exit_of(&printed),
        explain::Verdict::Answered(..) | explain::Verdict::Refused(_) => Exit::Refused,
    }
}

/// Where an import writes TOML.
struct TomlFile<'a> {
    /// `-` is standard output.
    path: &'a Path,
    /// What is there may be written over.
    force: bool,
}

impl TomlFile<'_> {
    fn write(&self, text: &str) -> Result<(), String> {
        let Self { path, force } = *self;
        if path == Path::new("-") {
            let written = io::stdout().write_all(text.as_bytes());
            return written.map_err(|error| error.to_string());
        }
        let mut options = File::options();
        options.write(true).create(true).truncate(force);
        options.create_new(!force);
        let file = options.open(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => format!(
                "{} exists already, and is left as it is: name another file, or write over it with --force",
                path.display()
            ),
            _ => format!("{}: {error}", path.display()),
        });
        let written = file?.write_all(text.as_bytes());
        written.map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Imports a document; the report goes to standard error if the TOML goes to standard output.
fn take(document: &Path, to_toml: Option<&TomlFile<'_>>, config: &ConfigArgs) -> Exit {
    let refuse = |why: String| {
        eprintln!("silverback: {why}");
        Exit::Refused
    };
    let text = match std::fs::read_to_string(document) {
        Ok(text) => text,
        Err(error) => return refuse(format!("{}: {error}", document.display())),
    };
    let import = match import::Import::read(&text) {
        Ok(import) => import,
        Err(why) => return refuse(why),
    };
    let taken = match to_toml {
        Some(file) => import.to_toml().and_then(|toml| {
            file.write(&toml.text)?;
            Ok(toml.left_out)
        }),
        None => match load(config) {
            Ok(loaded) => match &loaded.model.store {
                Some(path) => {
                    let admin = loaded.model.admin.as_ref().map(|admin| admin.address);
                    import.to_store(path, admin).map(|()| Vec::new())
                }
                None => Err(
                    "the configuration names no store: add [store], or use --to-toml".to_owned(),
                ),
            },
            Err(exit) => return exit,
        },
    };
    let _ = import::report(&import.lines, &mut io::stderr());
    match taken {
        Ok(left_out) => {
            say_left_out(&left_out);
            if import.is_complete() && left_out.is_empty() {
                Exit::Fine
            } else {
                Exit::Refused
            }
        }
        Err(why) => refuse(why),
    }
}

/// Says what a TOML file does not have.
fn say_left_out(left_out: &[String]) {
    for line in left_out {
        eprintln!("left out     {line}");
    }
}

fn give(form: ExportForm, config: &ConfigArgs) -> Exit {
    let loaded = match load(config) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let text = import::export(&loaded).and_then(|kong| match form {
        ExportForm::Kong => Ok((kong, Vec::new())),
        ExportForm::Toml => {
            let toml = import::Import::read(&kong)?.to_toml()?;
            Ok((toml.text, toml.left_out))
        }
    });
    match text {
        Ok((text, left_out)) => {
            say_left_out(&left_out);
            match exit_of(&io::stdout().write_all(text.as_bytes())) {
                Exit::Fine if !left_out.is_empty() => Exit::Refused,
                exit => exit,
            }
        }
        Err(why) => {
            eprintln!("silverback: {why}");
            Exit::Refused
        }
    }
}

fn reload(config: &ConfigArgs, admin: Option<SocketAddr>, wait: bool) -> Exit {
    let admin = match admin {
        Some(admin) => Ok(reachable(admin)),
        None => reload::admin_of(&found(config)),
    };
    match admin {
        Ok(admin) => reload::reload(admin, wait),
        Err(why) => {
            eprintln!("silverback: {why}");
            Exit::Refused
        }
    }
}

/// An address that a client on this machine can use: a listener on every address is reached at
/// loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
