//! State machines for origins that fail: thresholds of health, circuit breaker, slow start, retry budget, and the rule
//! that bounds ejection; and for too much at a time: limits of concurrency, fair queues, shedding. Time and randomness are passed in; nothing here does I/O or knows of cores.

pub mod adaptive;
mod breaker;
mod ejection;
pub mod fair;
pub mod gate;
mod retry_budget;
mod rules;
#[cfg(test)]
mod simulation;
mod slow_start;
mod thresholds;
pub mod throttle;

pub use breaker::Breaker;
pub use breaker::BreakerRule;
pub use breaker::Turned;
pub use ejection::Reason;
pub use ejection::Standing;
pub use ejection::Verdict;
pub use retry_budget::BudgetRule;
pub use retry_budget::RetryBudget;
pub use rules::ActiveChecks;
pub use rules::CheckKind;
pub use rules::ConnectionRule;
pub use rules::PassiveChecks;
pub use rules::RetryOn;
pub use rules::Rules;
pub use slow_start::is_admitted;
pub use thresholds::Counters;
pub use thresholds::Outcome;
pub use thresholds::Statuses;
pub use thresholds::Thresholds;
