//! `GET /config/lint`: what of the running configuration is most likely not meant.

use serde_json::Value;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::reply::Reply;
use crate::control::Handle;
use crate::lint;
use crate::lint::Finding;

/// `GET /config/lint`
pub(super) async fn list(control: &Handle) -> Reply {
    let Some((model, places)) = control.placed().await else {
        return Reply::leaving();
    };
    let found = spawn_blocking(move || lint::lint(&model, &places)).await;
    match found {
        Ok(found) => {
            let data: Vec<Value> = found.iter().map(Finding::value).collect();
            Reply::ok(json!({ "data": data, "next": null }))
        }
        Err(_) => Reply::unexpected(),
    }
}
