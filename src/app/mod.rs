//! Composition root: command line, doctor, demo, exit codes.

pub mod cli;
pub mod demo;
pub mod doctor;
pub mod mock_origin;
pub mod run;

use std::io;
use std::io::IsTerminal;
use std::path::PathBuf;

use cli::Command;
use cli::ConfigArgs;
use cli::ConfigCommand;
use cli::Exit;
use cli::Format;

use crate::config;

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
    let log = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_target(false);
    log.with_ansi(io::stderr().is_terminal()).init();
    obey(command)
}

fn obey(command: Command) -> Exit {
    let mut out = io::stdout();
    let printed = match command {
        Command::Run(config) => return run::run_file(found(&config)),
        Command::Check { config, output } => return check(&config, output.format),
        Command::Proxy(proxy) => {
            let (listen, to) = (proxy.listen(), proxy.to().as_str());
            let text = format!(
                "[[listeners]]\naddress = \"{listen}\"\n[[services]]\nname = \"proxy\"\nurl = \"{to}\"\n\
                 [[services.routes]]\nname = \"proxy\"\npaths = [\"/\"]\n"
            );
            return run::run_text("proxy", text);
        }
        Command::Demo { listen } => return demo(listen),
        Command::Config(ConfigCommand::Show(config)) => return show(&config),
        Command::Doctor { config, output } => return examine(&config, output.format),
        Command::Version { output } => cli::pages::version(output.format, &mut out),
        Command::Completion { shell } => cli::pages::completion(shell, &mut out),
        Command::Man { dir: Some(dir) } => cli::pages::man_dir(&dir),
        Command::Man { dir: None } => cli::pages::man(&mut out),
        Command::Route(_) | Command::Reload { .. } => {
            eprintln!("silverback: this command is not part of this build");
            return Exit::Usage;
        }
    };
    if printed.is_ok() {
        Exit::Fine
    } else {
        Exit::Refused
    }
}

/// The first candidate that exists, or the first of all, whose absence is then the fault.
fn found(config: &ConfigArgs) -> PathBuf {
    let candidates = config.candidates();
    let existing = candidates.iter().find(|path| path.exists());
    existing.or(candidates.first()).cloned().unwrap_or_default()
}

fn check(config: &ConfigArgs, format: Format) -> Exit {
    let path = found(config);
    match (config::load(&path), format) {
        (Ok(_), Format::Json) => println!("[]"),
        (Ok(_), Format::Text) => println!("{}: fine", path.display()),
        (Err(faults), Format::Json) => {
            println!("{}", faults.render_json());
            return Exit::Refused;
        }
        (Err(faults), Format::Text) => {
            eprintln!("{}", faults.render_text(io::stderr().is_terminal()));
            return Exit::Refused;
        }
    }
    Exit::Fine
}

fn show(config: &ConfigArgs) -> Exit {
    match config::load(&found(config)) {
        Ok(loaded) => {
            println!("{}", config::effective(&loaded.model));
            Exit::Fine
        }
        Err(faults) => {
            eprintln!("{}", faults.render_text(false));
            Exit::Refused
        }
    }
}

fn examine(config: &ConfigArgs, format: Format) -> Exit {
    let needs = match config::load(&found(config)) {
        Ok(loaded) => doctor::Needs {
            connections: loaded.model.limits.connections,
            workers: None,
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

fn demo(listen: std::net::SocketAddr) -> Exit {
    match mock_origin::MockOrigin::start() {
        Ok(origin) => {
            println!(
                "mock origin on http://{}; try: curl http://{listen}/status/418",
                origin.address()
            );
            run::run_text("demo", demo::toml(listen, None, origin.address()))
        }
        Err(error) => {
            eprintln!("silverback: {error}");
            Exit::Refused
        }
    }
}
