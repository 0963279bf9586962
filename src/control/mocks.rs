//! The request logs of mock plugins, which workers keep: shown over all of them, and forgotten with their plugins.

use std::sync::Arc;

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::base::clock;
use crate::config::Model;
use crate::plugin::mock;

use super::Control;

impl Control {
    /// Asks all workers for a plugin's log.
    pub(super) fn show_log(&mut self, plugin: Uuid, to: oneshot::Sender<Option<Vec<mock::Entry>>>) {
        let mut kept = logging(&self.running);
        let Some((_, most)) = kept.find(|(id, _)| *id == plugin) else {
            // Whoever asked may have gone.
            let _ = to.send(None);
            return;
        };
        let answer = self.mocks.ask(clock::now(), move |heard| {
            let _ = to.send(Some(mock::merge(heard, most)));
        });
        self.crew.tell_mocks(&mock::Order::Show(plugin, answer));
    }

    /// Has the logs forgotten of plugins that the installed configuration has no more.
    pub(super) fn keep_logs(&mut self) {
        let kept: Arc<[Uuid]> = logging(&self.running).map(|(id, _)| id).collect();
        if kept != self.logging {
            self.logging = Arc::clone(&kept);
            self.crew.tell_mocks(&mock::Order::Keep(kept));
        }
    }
}

/// The plugins that keep a log, with how many requests it holds.
fn logging(model: &Model) -> impl Iterator<Item = (Uuid, usize)> {
    let mocks = model
        .plugins
        .iter()
        .filter(|plugin| plugin.enabled && plugin.name() == mock::DEFINITION.name);
    let mocks = mocks.map(|plugin| (plugin.id, mock::log_requests(plugin.config())));
    mocks.filter(|(_, most)| *most > 0)
}
