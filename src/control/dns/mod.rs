//! Names to addresses, off every request's path: control asks, workers hold the last answer.
//!
//! [`Dns`] drives the questions ([`lookup`]) that the timetable ([`table`]) says are due, a bounded number at a
//! time, and yields a whole list of [`Addresses`] when something changed. It keeps all its state in itself,
//! so that the future of [`Dns::changed`] may be dropped at any point.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::Id;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::ids::Generation;
use crate::base::limits::DNS_LOOKUPS;
use crate::config::model;
use crate::snapshot::Addresses;
use crate::snapshot::NameQuery;
use crate::snapshot::Resolved;

pub mod lookup;
pub mod table;

use lookup::Answer;
use lookup::Client;
use lookup::Failure;
use table::Table;
use table::Times;

/// Changes that come this close together leave as one list: a start with 1,000 names is not 1,000 directives.
pub const SETTLE: Duration = Duration::from_millis(20);

/// The names of one snapshot and the questions in flight.
#[derive(Debug)]
pub struct Dns {
    client: Option<Client>,
    table: Table,
    generation: Generation,
    flights: JoinSet<Result<Answer, Failure>>,
    asked: HashMap<Id, NameQuery>,
    /// Since when a change waits to be told.
    changed_at: Option<Instant>,
}

enum Event {
    Landed(Id, Result<Answer, Failure>),
    Due,
}

impl Dns {
    /// No names yet.
    pub fn new(settings: &model::Dns) -> Self {
        Self {
            client: None,
            table: Table::new(times(settings)),
            generation: Generation(0),
            flights: JoinSet::new(),
            asked: HashMap::new(),
            changed_at: None,
        }
    }

    /// Takes over the names of a snapshot that is about to be installed, keeps what is known of those that
    /// stay, and reads `/etc/hosts` and `/etc/resolv.conf` again.
    pub fn adopt(&mut self, generation: Generation, settings: &model::Dns, names: &[NameQuery]) {
        self.generation = generation;
        self.table.adopt(times(settings), names, clock::now());
        self.changed_at = None;
        // Without names nothing is read: many gateways run on literal addresses alone.
        self.client = None;
        if !names.is_empty() {
            match Client::new(settings) {
                Ok(client) => self.client = Some(client),
                Err(error) => tracing::warn!("names cannot be resolved: {error}"),
            }
        }
    }

    /// What is known now.
    pub fn addresses(&self) -> Arc<Addresses> {
        Arc::new(Addresses {
            generation: self.generation,
            names: self.table.resolved(),
        })
    }

    /// What is known of a host name; nothing of one that is not the snapshot's.
    pub fn known(&self, host: &str) -> Resolved {
        self.table.known(host)
    }

    /// How many names have addresses, and how many do not.
    pub fn tally(&self) -> (usize, usize) {
        self.table.tally()
    }

    /// Whether each name has had its first answer, good or bad.
    pub fn is_settled(&self) -> bool {
        self.table.settled()
    }

    /// Waits until each name has had its first answer, good or bad.
    #[cfg(test)]
    async fn settled(&mut self) {
        while !self.table.settled() {
            self.step().await;
        }
    }

    /// Waits until something changed for those who connect, and a moment longer for what comes with it.
    pub async fn changed(&mut self) -> Arc<Addresses> {
        loop {
            let Some(since) = self.changed_at else {
                self.step().await;
                continue;
            };
            let now = clock::now();
            let end = since.plus(SETTLE);
            if now >= end {
                self.changed_at = None;
                return self.addresses();
            }
            let _ = tokio::time::timeout(between(now, end), self.step()).await;
        }
    }

    /// Asks what is due and waits for one event.
    async fn step(&mut self) {
        let now = clock::now();
        while self.flights.len() < DNS_LOOKUPS {
            let Some((query, last)) = self.table.take_due(now) else {
                break;
            };
            let client = self.client.clone();
            let asked = query.clone();
            let flight = self.flights.spawn(async move {
                match client {
                    Some(client) => client.look_up(&asked, last).await,
                    None => Err(Failure::Error),
                }
            });
            self.asked.insert(flight.id(), query);
        }
        match self.event(now).await {
            Event::Landed(id, result) => {
                if let Some(query) = self.asked.remove(&id) {
                    self.landed(&query, result);
                }
            }
            Event::Due => {}
        }
    }

    async fn event(&mut self, now: Instant) -> Event {
        let full = self.flights.len() >= DNS_LOOKUPS;
        let due = self.table.next_due().filter(|_| !full);
        let due = async {
            match due {
                Some(at) => sleep(between(now, at)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(landed) = self.flights.join_next_with_id() => match landed {
                Ok((id, result)) => Event::Landed(id, result),
                // A look-up that panicked on what it was sent is a failed look-up.
                Err(error) => Event::Landed(error.id(), Err(Failure::Error)),
            },
            () = due => Event::Due,
        }
    }

    fn landed(&mut self, query: &NameQuery, result: Result<Answer, Failure>) {
        if let Err(failure) = &result {
            let why = match failure {
                Failure::NotFound => "it does not exist",
                Failure::Error => "a name server failed",
                Failure::Timeout => "no name server answered",
            };
            tracing::debug!("{} has no address: {why}", query.host);
        }
        let now = clock::now();
        if self.table.answer(query, now, result) {
            self.changed_at.get_or_insert(now);
        }
    }
}

fn times(settings: &model::Dns) -> Times {
    Times {
        valid: settings.valid_ttl,
        stale: settings.stale_ttl,
        not_found: settings.not_found_ttl,
        error: settings.error_ttl,
    }
}

fn between(now: Instant, then: Instant) -> Duration {
    Duration::from_nanos(then.nanos_since(now))
}

#[cfg(test)]
mod tests;
