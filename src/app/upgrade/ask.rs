//! `silverback upgrade`: asks the running gateway to be replaced, and shows how that goes.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::News;
use super::Wish;
use crate::app::cli::Exit;

/// Asks the gateway that runs by the configuration at `config`, and prints what comes of it; with `wait` until the old
/// process has ended.
pub fn ask(config: &Path, wish: &Wish, wait: bool) -> Exit {
    match converse(config, wish, wait) {
        Ok(exit) => exit,
        Err(error) => {
            let config = config.display();
            eprintln!("silverback: no gateway that runs by {config} answers: {error}");
            Exit::Refused
        }
    }
}

fn converse(config: &Path, wish: &Wish, wait: bool) -> io::Result<Exit> {
    let mut stream = UnixStream::connect_addr(&super::address(config)?)?;
    let mut line = serde_json::to_vec(wish)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut exit = None;
    let mut last = String::new();
    for line in BufReader::new(stream).lines() {
        match serde_json::from_str(&line?)? {
            News::Progress(text) => println!("{text}"),
            News::Ready(text) => {
                println!("{text}");
                exit = Some(Exit::Fine);
                if !wait {
                    break;
                }
            }
            News::Failed(why) => {
                eprintln!("silverback: not upgraded, the old process serves on: {why}");
                return Ok(Exit::Refused);
            }
            News::Draining(text) if text != last => {
                println!("{text}");
                last = text;
            }
            News::Draining(_) => {}
        }
    }
    // The end of the line is the end of the old process.
    exit.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}
