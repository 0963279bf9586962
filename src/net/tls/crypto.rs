//! Which library does the cryptography: aws-lc, or ring by a feature of the build.

use std::sync::Arc;
use std::sync::OnceLock;

use rustls::Error;
use rustls::crypto::CryptoProvider;
use rustls::server::ProducesTickets;

/// The provider of the build; aws-lc where both are built in.
pub fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        #[cfg(feature = "crypto-aws-lc")]
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        #[cfg(not(feature = "crypto-aws-lc"))]
        let provider = rustls::crypto::ring::default_provider();
        Arc::new(provider)
    })
}

/// What makes the tickets by which clients resume sessions. Its keys change by themselves, every six hours; a ticket is
/// good for twelve. All servers of a process share one, so that a session resumes on whatever core its client comes to,
/// before and after a reload.
///
/// # Errors
/// When there is no randomness for a key.
pub fn ticketer() -> Result<Arc<dyn ProducesTickets>, Error> {
    #[cfg(feature = "crypto-aws-lc")]
    let ticketer = rustls::crypto::aws_lc_rs::Ticketer::new();
    #[cfg(not(feature = "crypto-aws-lc"))]
    let ticketer = rustls::crypto::ring::Ticketer::new();
    ticketer
}

/// Makes it the provider of libraries that take whatever the process has.
pub fn install() {
    // Who was first has installed the same.
    let _ = CryptoProvider::clone(provider()).install_default();
}
