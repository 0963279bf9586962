//! A body as it arrives: bounded in bytes, and in the time that it may stand still.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::time::timeout;

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::admin) enum Lost {
    /// It is longer than it may be.
    TooLong,
    /// Nothing of it has come for too long.
    Stalled,
    /// The client has gone.
    Broken,
}

/// All of a body, if each piece of it comes within such a time.
pub(in crate::admin) async fn whole(
    body: Body,
    most: usize,
    patience: Duration,
) -> Result<Vec<u8>, Lost> {
    let (mut pieces, mut bytes) = (body.into_data_stream(), Vec::new());
    loop {
        let piece = timeout(patience, pieces.next()).await;
        let Some(piece) = piece.map_err(|_| Lost::Stalled)? else {
            return Ok(bytes);
        };
        let piece = piece.map_err(|_| Lost::Broken)?;
        if bytes.len() + piece.len() > most {
            return Err(Lost::TooLong);
        }
        bytes.extend_from_slice(&piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;

    fn arrive(body: Body, most: usize, patience: Duration) -> Result<Vec<u8>, Lost> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        runtime.unwrap().block_on(whole(body, most, patience))
    }

    #[test]
    fn a_body_comes_whole_or_is_given_up() {
        let long = Duration::from_secs(600);
        let pieces = || Body::from_stream(stream::iter([Ok::<_, std::io::Error>("ab"), Ok("c")]));
        assert_eq!(arrive(pieces(), 3, long), Ok(b"abc".to_vec()));
        assert_eq!(arrive(pieces(), 2, long), Err(Lost::TooLong));
        let first = stream::iter([Ok::<_, std::io::Error>("ab")]);
        let stalled = Body::from_stream(first.chain(stream::pending()));
        let short = Duration::from_millis(1);
        assert_eq!(arrive(stalled, 3, short), Err(Lost::Stalled));
        let broken = stream::iter([Err::<&str, _>(std::io::Error::other("gone"))]);
        assert_eq!(
            arrive(Body::from_stream(broken), 3, long),
            Err(Lost::Broken)
        );
    }
}
