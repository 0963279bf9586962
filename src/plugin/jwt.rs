//! jwt: a signed token (RFC 7519) names the consumer.
//!
//! A core remembers the tokens whose signatures it has verified, so that a token that comes again costs one keyed hash:
//! what depends on the time or on the configuration of the route is checked each time.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;

use crate::http::Reply;
use crate::http::reply::Body;

use super::Blueprint;
use super::Found;
use super::Interrupt;
use super::JwtSecret;
use super::Needs;
use super::Plugin;
use super::Request;
use super::Secret;
use super::auth;
use super::auth::base64;
use super::auth::memory::Verified;

mod algorithm;
mod presented;
mod schema;
#[cfg(test)]
mod tests;
mod token;

use algorithm::Algorithm;
use algorithm::Mismatch;
use presented::Places;
use presented::Presented;
use token::Bad;
use token::Token;

pub(super) use schema::DEFINITION;

#[derive(Deserialize)]
struct Config {
    uri_param_names: Option<Box<[Box<str>]>>,
    cookie_names: Option<Box<[Box<str>]>>,
    key_claim_name: Option<Box<str>>,
    secret_is_base64: bool,
    claims_to_verify: Option<Vec<String>>,
    anonymous: Option<Box<str>>,
    run_on_preflight: bool,
    maximum_expiration: Option<f64>,
    header_names: Option<Box<[Box<str>]>>,
    realm: Option<String>,
}

fn compile(blueprint: &Blueprint<'_>) -> Result<Arc<dyn Plugin>, String> {
    let config: Config = blueprint.parse()?;
    let verifies = |claim: &str| {
        let mut claims = config.claims_to_verify.iter().flatten();
        claims.any(|known| known == claim)
    };
    let challenge = auth::challenge("Bearer", config.realm.as_deref());
    Ok(Arc::new(Jwt {
        verify_exp: verifies("exp"),
        verify_nbf: verifies("nbf"),
        expiration_max: config.maximum_expiration.filter(|max| *max > 0.0),
        places: Places {
            parameters: config.uri_param_names.unwrap_or_default(),
            cookies: config.cookie_names.unwrap_or_default(),
            fields: config.header_names.unwrap_or_default(),
        },
        key_claim: config.key_claim_name.unwrap_or_else(|| "iss".into()),
        secret_is_base64: config.secret_is_base64,
        anonymous: config.anonymous,
        run_on_preflight: config.run_on_preflight,
        challenge_invalid: [&challenge, &b" error=\"invalid_token\""[..]]
            .concat()
            .into(),
        challenge,
    }))
}

#[derive(Debug)]
struct Jwt {
    places: Places,
    key_claim: Box<str>,
    secret_is_base64: bool,
    verify_exp: bool,
    verify_nbf: bool,
    /// How many seconds ahead a token may end.
    expiration_max: Option<f64>,
    anonymous: Option<Box<str>>,
    run_on_preflight: bool,
    challenge: Box<[u8]>,
    /// For a request that has presented a token.
    challenge_invalid: Box<[u8]>,
}

/// Why there is no consumer.
#[derive(Debug)]
enum Fault {
    Missing,
    Many,
    Unrecognizable,
    Bad(Bad),
    NoKey,
    BadKey,
    Unknown,
    Algorithm,
    Secret,
    Signature,
    /// What is wrong with each claim.
    Claims(Map<String, Value>),
}

impl Plugin for Jwt {
    fn needs(&self) -> Needs {
        Needs::REQUEST
    }

    fn on_request(&self, request: &mut Request<'_>) -> ControlFlow<Interrupt> {
        let anonymous = self.anonymous.as_deref();
        if auth::is_excused(request, anonymous, self.run_on_preflight) {
            return ControlFlow::Continue(());
        }
        let attempt = self.attempt(request);
        auth::settle(request, anonymous, attempt, |fault| self.refusal(fault))
    }
}

impl Jwt {
    fn attempt<'a>(&self, request: &Request<'a>) -> Result<Found<'a>, Fault> {
        let token = match self.places.search(request) {
            Presented::Token(token) => token,
            Presented::Nothing => return Err(Fault::Missing),
            Presented::Unrecognizable => return Err(Fault::Unrecognizable),
            Presented::Many => return Err(Fault::Many),
        };
        let mut memory = request.core.auth.borrow_mut();
        // What a signature is verified with follows from these.
        let mark = memory.mark(&[
            self.key_claim.as_bytes(),
            &[self.secret_is_base64.into()],
            &token,
        ]);
        let known = mark.and_then(|mark| memory.token(&mark));
        let found = known.and_then(|known| still_good(request, known));
        let now = (request.unix_micros / 1_000_000) as f64;
        if let (Some(found), Some(known)) = (found, known) {
            return self.check_claims(known, now).map(|()| found);
        }
        let (found, verified) = self.verify(request, &token)?;
        let checked = self.check_claims(&verified, now);
        if let Some(mark) = mark {
            memory.keep_token(mark, verified);
        }
        checked.map(|()| found)
    }

    /// Verifies a token's signature with the credential that it names.
    fn verify<'a>(
        &self,
        request: &Request<'a>,
        token: &[u8],
    ) -> Result<(Found<'a>, Verified), Fault> {
        let token = Token::parse(token).map_err(Fault::Bad)?;
        let key = token.find(&self.key_claim).ok_or(Fault::NoKey)?;
        let key = key
            .as_str()
            .filter(|key| !key.is_empty())
            .ok_or(Fault::BadKey)?;
        let directory = request.directory;
        let found = directory.by_jwt_key(key.as_bytes()).ok_or(Fault::Unknown)?;
        let credential = directory
            .credential(found.credential)
            .ok_or(Fault::Unknown)?;
        let Secret::Jwt(jwt) = &credential.secret else {
            return Err(Fault::Unknown);
        };
        let JwtSecret {
            algorithm,
            secret,
            rsa_public_key,
            ..
        } = &**jwt;
        if token.algorithm() != &**algorithm {
            return Err(Fault::Algorithm);
        }
        let algorithm = Algorithm::of(algorithm).ok_or(Fault::Algorithm)?;
        let key = match algorithm {
            Algorithm::Secret(_) if self.secret_is_base64 => secret
                .as_ref()
                .and_then(|secret| base64::decode_url(secret.as_bytes())),
            Algorithm::Secret(_) => secret.as_ref().map(|secret| secret.as_bytes().to_vec()),
            Algorithm::Public(_) => rsa_public_key.as_ref().map(|key| key.as_bytes().to_vec()),
        };
        let verified = algorithm.verify(&key.ok_or(Fault::Secret)?, token.signed, &token.signature);
        verified.map_err(|mismatch| match mismatch {
            Mismatch::Key => Fault::Secret,
            Mismatch::Signature => Fault::Signature,
        })?;
        let verified = Verified {
            credential: Arc::clone(credential),
            exp: token.number("exp"),
            nbf: token.number("nbf"),
        };
        Ok((found, verified))
    }

    /// Checks what of a token's time is to be checked.
    fn check_claims(&self, token: &Verified, now: f64) -> Result<(), Fault> {
        let exp = match token.exp {
            None => Some(NO_NUMBER),
            Some(exp) => (exp <= now).then_some("token expired"),
        };
        let nbf = match token.nbf {
            None => Some(NO_NUMBER),
            Some(nbf) => (nbf > now).then_some("token not valid yet"),
        };
        let is_near = |max: f64| token.exp.is_some_and(|exp| exp - now <= max);
        let far = match self.expiration_max {
            Some(max) if !is_near(max) => Some("exceeds maximum allowed expiration"),
            _ => None,
        };
        let exp = exp.filter(|_| self.verify_exp);
        let nbf = nbf.filter(|_| self.verify_nbf);
        if exp.is_none() && nbf.is_none() && far.is_none() {
            return Ok(());
        }
        // How far ahead a token ends is looked at last, when nothing else is wrong.
        let far = far.filter(|_| nbf.is_none());
        let claims = [("exp", exp.or(far)), ("nbf", nbf)];
        let wrong = claims
            .into_iter()
            .filter_map(|(claim, error)| Some((claim.to_owned(), error?.into())));
        Err(Fault::Claims(wrong.collect()))
    }

    fn refusal(&self, fault: Fault) -> Reply {
        let claim = &self.key_claim;
        let challenge = match fault {
            Fault::Missing => &self.challenge,
            _ => &self.challenge_invalid,
        };
        let reply = match fault {
            Fault::Missing => Reply::exit(401, "Unauthorized"),
            Fault::Many => Reply::exit(401, "Multiple tokens provided"),
            Fault::Unrecognizable => Reply::exit(401, "Unrecognizable token"),
            Fault::Bad(bad) => Reply::exit(401, format!("Bad token; {}", bad.as_str())),
            Fault::NoKey => Reply::exit(401, format!("No mandatory '{claim}' in claims")),
            Fault::BadKey => Reply::exit(401, format!("Invalid '{claim}' in claims")),
            Fault::Unknown => Reply::exit(401, format!("No credentials found for given '{claim}'")),
            Fault::Algorithm => Reply::exit(401, "Invalid algorithm"),
            Fault::Secret => Reply::exit(401, "Invalid key/secret"),
            Fault::Signature => Reply::exit(401, "Invalid signature"),
            Fault::Claims(wrong) => Reply {
                body: Body::Raw {
                    content_type: "application/json; charset=utf-8".into(),
                    bytes: Value::Object(wrong).to_string().into_bytes().into(),
                },
                ..Reply::empty(401)
            },
        };
        auth::challenged(reply, challenge)
    }
}

/// Where a token's credential stands now, if it is still what the token was verified with.
fn still_good<'a>(request: &Request<'a>, known: &Verified) -> Option<Found<'a>> {
    let Secret::Jwt(jwt) = &known.credential.secret else {
        return None;
    };
    let found = request.directory.by_jwt_key(jwt.key.as_bytes())?;
    let credential = request.directory.credential(found.credential)?;
    (Arc::ptr_eq(credential, &known.credential) || *credential == known.credential).then_some(found)
}

const NO_NUMBER: &str = "must be a number";
