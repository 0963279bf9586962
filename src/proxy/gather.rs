//! A request's whole body before the plugins' say, for chains that look into it.

use std::pin::pin;

use crate::base::limits;
use crate::http::Cause;
use crate::http::Version;
use crate::net::pool::Size;
use crate::proxy::body::Broken;
use crate::proxy::exchange::Exchange;
use crate::proxy::failure::Stop;

impl Exchange<'_> {
    /// Reads the rest of the body behind the head, if all of it is within the bound that plugins have. A longer one is
    /// left where it is, and what was read of it goes upstream first.
    pub(super) async fn gather_body(&mut self) -> Result<(), Stop> {
        let length = self.scratch.request.length;
        let present = self.body.first as u64;
        let rest = self.body.remaining();
        if rest.is_some_and(|rest| rest + present > limits::PLUGIN_BODY_BYTES as u64) {
            return Ok(());
        }
        self.say_continue().await?;
        self.body.compact();
        self.input.truncate(length + self.body.first);
        let mut buffer = self.cx.shard.pool.take(Size::Large);
        let mut gathered = Ok(());
        while gathered.is_ok() && !self.body.complete && self.body.first < limits::PLUGIN_BODY_BYTES
        {
            gathered = self.gather_piece(&mut buffer).await;
        }
        self.cx.shard.pool.give(buffer);
        gathered
    }

    /// Receives once and appends what belongs to the body.
    async fn gather_piece(&mut self, buffer: &mut Vec<u8>) -> Result<(), Stop> {
        buffer.clear();
        let now = self.cx.shard.now();
        let idle = self.instance.snapshot.timeouts.client_body_idle;
        self.guard.arm(now, self.within_total(now, idle));
        let Some(reader) = &mut self.reader else {
            return Err(Cause::Internal.into());
        };
        match self.guard.limit(pin!(reader.read(buffer))).await {
            Ok(Ok(received)) if received > 0 => self.tally.bytes_in += received as u64,
            Ok(Ok(_)) => return Err(Cause::RequestBodyIncomplete.into()),
            Ok(Err(_)) => return Err(Cause::ClientClosed.into()),
            Err(_expired) => return Err(Cause::RequestBodyTimeout.into()),
        }
        let taken = self
            .body
            .take(&mut self.scratch.request_decoder, buffer)
            .map_err(|broken| match broken {
                Broken::Client(cause) => cause,
                Broken::Upstream => Cause::Internal,
            });
        let (data, consumed) = taken?;
        self.input
            .extend_from_slice(buffer.get(..data).unwrap_or_default());
        self.body.gathered(data);
        if self.body.first as u64 > self.instance.snapshot.request_body_bytes {
            return Err(Cause::RequestBodyTooLarge.into());
        }
        if let Some(surplus) = buffer.get(consumed..).filter(|surplus| !surplus.is_empty()) {
            *self.client.ahead = Some(surplus.to_vec());
        }
        Ok(())
    }

    /// Asks a client for its body that waits to be asked (RFC 9110 section 10.1.1).
    async fn say_continue(&mut self) -> Result<(), Stop> {
        let head = &self.scratch.request;
        if !head.expects_continue || head.version == Version::Http10 || self.body.first > 0 {
            return Ok(());
        }
        let mut out = self.cx.shard.pool.take(Size::Small);
        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        let (sent, out) = self.send(out, 0).await?;
        self.cx.shard.pool.give(out);
        sent.map_err(|_| Stop::Cut(Cause::ClientClosed))
    }
}
