//! Which plugins have refused an exchange, and which would have, did they not only observe.

use crate::plugin::Compiled;
use crate::telemetry::CoreMetrics;

/// The names of plugins that would have refused an exchange, with commas between; memory that a fiber keeps.
#[derive(Debug, Default)]
pub(super) struct Denials(Vec<u8>);

impl Denials {
    /// Notes a plugin, and counts it. It may find more than one reason in one exchange, and is noted once.
    pub(super) fn note(&mut self, plugin: &'static str, metrics: &CoreMetrics) {
        let mut names = self.0.split(|&byte| byte == b',');
        if names.any(|name| name == plugin.as_bytes()) {
            return;
        }
        if !self.0.is_empty() {
            self.0.push(b',');
        }
        self.0.extend_from_slice(plugin.as_bytes());
        metrics.refuse(plugin, true);
    }

    /// The names.
    pub(super) fn names(&self) -> &[u8] {
        &self.0
    }

    /// Forgets them, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Counts an answer that a plugin has given itself, if it is one to refuse requests.
pub(super) fn count(compiled: &Compiled, metrics: &CoreMetrics) {
    if compiled.definition.denies {
        metrics.refuse(compiled.definition.name, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_plugin_is_noted_once() {
        let (mut denials, metrics) = (Denials::default(), CoreMetrics::new());
        for plugin in ["acl", "jwt", "acl", "ac"] {
            denials.note(plugin, &metrics);
        }
        assert_eq!(denials.names(), b"acl,jwt,ac");
        denials.clear();
        assert_eq!(denials.names(), b"");
    }
}
