//! Putting the gateway together and running it to its end.

use std::io;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::admin;
use crate::app::cli::Exit;
use crate::base::cores::Cores;
use crate::base::ids::Generation;
use crate::bus;
use crate::config;
use crate::config::Model;
use crate::control::Control;
use crate::control::Crew;
use crate::control::Handle;
use crate::control::Setup;
use crate::control::lifecycle;
use crate::control::lifecycle::Ended;
use crate::control::reload;
use crate::control::reload::Load;
use crate::net::listener;
use crate::shard::Listening;
use crate::telemetry::AccessLogSender;
use crate::telemetry::Format;
use crate::telemetry::LogThread;
use crate::telemetry::log_sender;
use crate::telemetry::log_thread;
use crate::worker;

/// Runs by the configuration at `path`; changes of it are watched.
pub fn run_file(path: PathBuf) -> Exit {
    let load: Load = Arc::new(move || config::load(&path));
    run(load, true)
}

/// Runs by a configuration that is in no file.
pub fn run_text(name: &'static str, text: String) -> Exit {
    let load: Load = Arc::new(move || config::parse_str(name, &text));
    run(load, false)
}

fn run(load: Load, watched: bool) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = runtime.and_then(|runtime| runtime.block_on(serve(load, watched)));
    match ended {
        Ok(Ended::Drained) => Exit::Fine,
        Ok(Ended::TimedOut | Ended::Forced | Ended::Broken) => Exit::Refused,
        Err(error) => {
            tracing::error!("{error}");
            Exit::Refused
        }
    }
}

async fn serve(load: Load, watched: bool) -> io::Result<Ended> {
    let orders = lifecycle::listen()?;
    let cores = Cores::read();
    let model = load()
        .map_err(|faults| io::Error::other(faults.render_text(false)))?
        .model;
    let count = match model.gateway.workers {
        config::model::Workers::Auto => u16::try_from(cores.usable()).unwrap_or(u16::MAX),
        config::model::Workers::Count(count) => count,
    };
    let first = reload::build(&load, None, Generation(1), count.into())
        .map_err(|refusal| io::Error::other(refusal.to_string()))?;
    let (sender, reports) = bus::reports();
    let (road, queue) = log_sender::road();
    let log = open_log(&model, queue)?;
    let sockets = bind(&model, count)?;
    let (logged, allowed) = (log.is_some(), cores.allowed);
    let hire: crate::control::Hire = Box::new(move |core, link| {
        let own = sockets
            .get(usize::from(core.0))
            .ok_or(io::ErrorKind::NotFound)?;
        let copies = own
            .iter()
            .map(|(socket, listening)| Ok((socket.try_clone()?, *listening)));
        worker::spawn(
            worker::Settings {
                core,
                cpu: allowed
                    .get(usize::from(core.0) % allowed.len().max(1))
                    .copied(),
                force_epoll: false,
                seed: crate::base::clock::unix_micros() ^ u64::from(core.0).rotate_left(48),
                listeners: copies.collect::<io::Result<_>>()?,
                log: logged.then(|| AccessLogSender::new(core, road.clone())),
            },
            link,
        )
    });
    let crew = Crew::hire(count, sender, hire)?;
    let (handle, requests) = Handle::new();
    if let Some(admin) = &model.admin {
        let socket = tokio::net::TcpListener::bind(admin.address).await?;
        tracing::info!("admin on {}", socket.local_addr()?);
        tokio::spawn(admin::serve(socket, handle));
    }
    let log = std::rc::Rc::new(log);
    let reopened = std::rc::Rc::clone(&log);
    let reopen = Box::new(move || reopened.iter().for_each(LogThread::reopen));
    let control = Control::new(Setup {
        first,
        load,
        watched,
        crew,
        reports,
        orders,
        requests,
        reopen,
    });
    let ended = control.run().await;
    if let Some(log) = std::rc::Rc::into_inner(log).flatten() {
        log.stop(Duration::from_secs(2));
    }
    Ok(ended)
}

/// Each worker's own listening sockets; all of a group are bound before any is used.
fn bind(model: &Model, workers: u16) -> io::Result<Vec<Vec<(TcpListener, Listening)>>> {
    let mut sockets: Vec<Vec<_>> = (0..workers).map(|_| Vec::new()).collect();
    for entry in &model.listeners {
        let mut address: SocketAddr = entry.address;
        for own in &mut sockets {
            let backlog = i32::try_from(entry.backlog).unwrap_or(i32::MAX);
            let socket = listener::bind(address, backlog).map_err(|error| {
                io::Error::other(format!("cannot listen on {address}: {error}"))
            })?;
            address = socket.local_addr()?;
            own.push((
                socket,
                Listening {
                    address,
                    proxy_protocol: entry.proxy_protocol,
                },
            ));
        }
        tracing::info!("listening on {address}");
    }
    Ok(sockets)
}

fn open_log(model: &Model, queue: log_sender::LogQueue) -> io::Result<Option<LogThread>> {
    use crate::config::model::LogFormat;
    use crate::config::model::LogPath;
    let Some(log) = &model.access_log else {
        return Ok(None);
    };
    let target = match &log.path {
        LogPath::Stdout => log_thread::LogTarget::Stdout,
        LogPath::File(path) => log_thread::LogTarget::File(path.clone()),
    };
    let format = match &log.format {
        LogFormat::Json => Format::Json,
        LogFormat::Logfmt => Format::Logfmt,
        LogFormat::Combined => Format::Combined,
        LogFormat::Template(text) => Format::parse(text)
            .map_err(|_| io::Error::other("access_log.format has an unknown variable"))?,
    };
    let config = log_thread::LogConfig {
        target,
        format,
        mask: crate::telemetry::mask::Mask::default(),
    };
    log_thread::spawn(config, queue).map(Some)
}
