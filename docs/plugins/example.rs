//! require-field: refuses requests that lack a field.
use std::{ops::ControlFlow, sync::Arc};

use super::{Blueprint, Definition, Interrupt, Needs, Plugin, Request};
use crate::entity::{Field, Preset, Schema};

pub(super) const DEFINITION: Definition = Definition {
    name: "require-field",
    priority: 940,
    about: "refuses requests that lack a field",
    config: Schema {
        fields: &[
            Field::text("name", "the field's name").required(),
            Field::integer("status", "the status of a refusal").preset(Preset::Int(400)),
        ],
        checks: &[],
    },
    consumer_scope: true,
    denies: true,
    compile: |blueprint: &Blueprint<'_>| Ok(Arc::new(blueprint.parse::<RequireField>()?)),
};

#[derive(Debug, serde::Deserialize)]
struct RequireField {
    name: String,
    status: u16,
}

impl Plugin for RequireField {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }
    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        match request.field(self.name.as_bytes()) {
            Some(_) => ControlFlow::Continue(()),
            None => ControlFlow::Break(DEFINITION.refuse(self.status, "A field is missing").into()),
        }
    }
}
