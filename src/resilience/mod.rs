//! State machines for origins that fail: thresholds of health, circuit breaker, slow start, retry budget, and the rule
//! that bounds ejection. Time and randomness are passed in; nothing here does I/O or knows of cores.

mod breaker;
mod ejection;
mod retry_budget;
mod rules;
mod slow_start;
mod thresholds;

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
