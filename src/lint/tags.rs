//! Tags that the gateway goes by, written so that it does not.

use crate::base::tier::Tier;
use crate::config::Model;
use crate::snapshot::misspelt_limit;

use super::Entity;
use super::Lint;
use super::Report;
use super::called;

pub(super) fn lint(model: &Model, report: &mut Report<'_>) {
    for service in &model.services {
        tier(&**service, &service.tags, report);
        limit(&**service, &service.tags, report);
    }
    for route in &model.routes {
        tier(&**route, &route.tags, report);
    }
    for upstream in &model.upstreams {
        limit(&**upstream, &upstream.tags, report);
    }
    for consumer in &model.consumers {
        tier(&**consumer, &consumer.tags, report);
    }
}

fn tier(entity: &dyn Entity, tags: &[String], report: &mut Report<'_>) {
    if let Some(tag) = Tier::misspelt(tags) {
        let wanted = "`priority:high`, `priority:normal` or `priority:low`";
        let message = format!("the tag `{tag}` of {} is none of {wanted}", called(entity));
        report.add(Lint::TagMisspelt, entity, message, None);
    }
}

fn limit(entity: &dyn Entity, tags: &[String], report: &mut Report<'_>) {
    if let Some(tag) = misspelt_limit(tags) {
        let wanted = "`limit:adaptive`, `limit:none` or a number as in `limit:200`";
        let message = format!("the tag `{tag}` of {} is none of {wanted}", called(entity));
        report.add(Lint::TagMisspelt, entity, message, None);
    }
}
