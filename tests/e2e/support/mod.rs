//! What the suites stand on: the gateway as a process, a scripted origin, a client of raw bytes, and waiting
//! with deadlines instead of sleeping.

pub(crate) mod client;
pub(crate) mod corpus;
pub(crate) mod gate;
pub(crate) mod gateway;
pub(crate) mod message;
pub(crate) mod origin;
pub(crate) mod report;
pub(crate) mod said;
pub(crate) mod tls;
pub(crate) mod tools;
pub(crate) mod wire;

pub(crate) use client::Client;
pub(crate) use client::Response;
pub(crate) use gate::Gate;
pub(crate) use gate::eventually;
pub(crate) use gateway::Config;
pub(crate) use gateway::Gateway;
pub(crate) use origin::Origin;
pub(crate) use wire::End;

/// One test: its name, the requirement rows that it proves, the outside tools (or `io_uring`) that it needs, its story.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) rows: &'static [&'static str],
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: fn(),
}

/// Lists a suite's cases: `function: rows`, and the tools that a case needs behind `needs`.
macro_rules! cases {
    ($($name:ident: [$($row:literal),*] $(needs [$($tool:literal),*])?;)*) => {
        /// The suite's cases, each with the rows that it proves.
        pub(crate) fn cases() -> Vec<$crate::support::Case> {
            vec![$($crate::support::Case {
                name: concat!(module_path!(), "::", stringify!($name)),
                rows: &[$($row),*],
                needs: &[$($($tool),*)?],
                run: $name,
            }),*]
        }
    };
}
pub(crate) use cases;
