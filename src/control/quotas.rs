//! The counters of months and years on their way to the store and back, so that quotas outlive the process.
//!
//! What has changed is written twice a second and at the end; whoever kills the process loses what was counted since the last
//! write, and what cores had leased counts as used. One write is under way at a time, so that none overtakes a newer one.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use serde_json::Value;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::base::clock;
use crate::base::clock::Instant;
use crate::base::limits;
use crate::ratelimit::Class;
use crate::ratelimit::Period;
use crate::ratelimit::Pools;
use crate::ratelimit::Saved;
use crate::ratelimit::SavedCounter;
use crate::ratelimit::Seed;
use crate::ratelimit::Window;
use crate::store;
use crate::store::Counter;

/// Where the seed is kept among the counters.
const SEED: &[u8] = b"seed";

/// Writes counters in time.
#[derive(Debug)]
pub(super) struct Quotas {
    pools: Arc<Pools>,
    store: store::Handle,
    written: Instant,
    /// The last write.
    writing: Option<JoinHandle<()>>,
    /// It failed, and nobody knows any more what was in it.
    failed: Arc<AtomicBool>,
    /// Another process has the store.
    paused: bool,
}

impl Quotas {
    pub(super) fn new(pools: Arc<Pools>, store: store::Handle, now: Instant) -> Self {
        Self {
            pools,
            store,
            written: now,
            writing: None,
            failed: Arc::default(),
            paused: false,
        }
    }

    /// How many counters there are.
    pub(super) fn counters(&self) -> usize {
        self.pools.len()
    }

    /// Starts writing what has changed, if it is time.
    pub(super) fn turn(&mut self, now: Instant) {
        if self.paused || !self.store.writable() || now < self.written.plus(limits::QUOTAS_WRITTEN)
        {
            return;
        }
        let under_way = |writing: &JoinHandle<()>| !writing.is_finished();
        if self.writing.as_ref().is_some_and(under_way) {
            return;
        }
        self.written = now;
        self.writing = self.write();
    }

    /// Writes what is left, at the end, unless another process has the store.
    pub(super) async fn finish(&mut self) {
        if !self.paused {
            self.pause().await;
        }
    }

    /// Writes what is left, and nothing more until [`resume`](Self::resume). What is returned ends when it is written.
    pub(super) fn pause(&mut self) -> impl Future<Output = ()> + use<> {
        self.paused = true;
        let writes = [self.writing.take(), self.write()];
        async {
            for writing in writes.into_iter().flatten() {
                // One that failed has said so.
                let _ = writing.await;
            }
        }
    }

    /// Writes again.
    pub(super) fn resume(&mut self) {
        self.paused = false;
    }

    fn write(&self) -> Option<JoinHandle<()>> {
        let counters = self.changed();
        if !self.store.writable() || counters.is_empty() {
            return None;
        }
        let (store, failed) = (self.store.clone(), Arc::clone(&self.failed));
        Some(tokio::spawn(async move {
            if let Ok(Err(error)) = store.put_counters(counters).await {
                tracing::error!("quotas cannot be written: {}", error.message);
                failed.store(true, Relaxed);
            }
        }))
    }

    fn changed(&self) -> Vec<Counter> {
        let now = clock::unix_micros();
        let saved = match self.failed.swap(false, Relaxed) {
            true => self.pools.export(Period::Month, now),
            false => self.pools.export_changed(Period::Month, now),
        };
        if saved.counters.is_empty() {
            return Vec::new();
        }
        let seed = Counter {
            key: SEED.into(),
            value: Some(json!(saved.seed.0).to_string().into_bytes().into()),
        };
        let counters = saved.counters.iter().map(write);
        counters.chain([seed]).collect()
    }
}

/// The pools of a process that goes on where the one before it has ended.
pub fn restore(counters: &[Counter]) -> Pools {
    let value = |counter: &Counter| serde_json::from_slice(counter.value.as_deref()?).ok();
    let seed = counters.iter().find(|counter| *counter.key == *SEED);
    let seed = seed.and_then(value).and_then(|seed: Value| {
        let part = |at: usize| seed.get(at).and_then(Value::as_u64);
        Some(Seed([part(0)?, part(1)?]))
    });
    let Some(seed) = seed else {
        return Pools::default();
    };
    let pools = Pools::new(seed);
    let counters = counters.iter().filter_map(value);
    let counters = counters.filter_map(|value: Value| read(&value)).collect();
    pools.import(&Saved { seed, counters }, clock::unix_micros());
    pools
}

fn write(counter: &SavedCounter) -> Counter {
    let period = match counter.period {
        Period::Year => "year",
        _ => "month",
    };
    let window = match counter.window {
        Window::Fixed => "fixed",
        Window::Sliding => "sliding",
        Window::Strict => "strict",
    };
    let mut key = Vec::with_capacity(24);
    key.extend_from_slice(&counter.key[0].to_be_bytes());
    key.extend_from_slice(&counter.key[1].to_be_bytes());
    key.extend_from_slice(period.as_bytes());
    let value = json!({
        "key": counter.key,
        "known": counter.class == Class::Known,
        "period": period,
        "window": window,
        "frame": counter.frame,
        "taken": counter.taken,
        "before": counter.before,
    });
    Counter {
        key: key.into(),
        value: Some(value.to_string().into_bytes().into()),
    }
}

fn read(value: &Value) -> Option<SavedCounter> {
    let number = |key: &str| value.get(key).and_then(Value::as_u64);
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let key = value.get("key")?;
    let before = value.get("before")?.as_array()?;
    Some(SavedCounter {
        key: [key.get(0)?.as_u64()?, key.get(1)?.as_u64()?],
        class: if value.get("known")?.as_bool()? {
            Class::Known
        } else {
            Class::Invented
        },
        period: match text("period")? {
            "year" => Period::Year,
            "month" => Period::Month,
            _ => return None,
        },
        window: match text("window")? {
            "sliding" => Window::Sliding,
            "strict" => Window::Strict,
            _ => Window::Fixed,
        },
        frame: number("frame")?,
        taken: number("taken")?,
        before: before.iter().filter_map(Value::as_u64).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_what_it_was() {
        for (class, period, window) in [
            (Class::Known, Period::Month, Window::Sliding),
            (Class::Invented, Period::Year, Window::Strict),
            (Class::Known, Period::Year, Window::Fixed),
        ] {
            let counter = SavedCounter {
                key: [u64::MAX, 7],
                class,
                period,
                window,
                frame: 671,
                taken: 12,
                before: vec![3],
            };
            let written = write(&counter);
            let value = serde_json::from_slice(written.value.as_deref().unwrap()).unwrap();
            assert_eq!(read(&value), Some(counter));
        }
    }
}
