use crate::http::*;
pub struct Nominated;
impl Nominated {
    pub fn of(_f: &Fields, _b: &[u8]) -> Self {
        Self
    }
    pub fn covers_request(&self, f: &Field, _b: &[u8]) -> bool {
        matches!(
            f.known,
            Name::Connection
                | Name::KeepAlive
                | Name::ProxyConnection
                | Name::Proxy
                | Name::Te
                | Name::Trailer
                | Name::TransferEncoding
                | Name::Upgrade
        )
    }
    pub fn covers_response(&self, f: &Field, b: &[u8]) -> bool {
        self.covers_request(f, b)
    }
}
pub fn wants_upgrade<'a>(_h: &RequestHead, _b: &'a [u8]) -> Option<&'a [u8]> {
    None
}
