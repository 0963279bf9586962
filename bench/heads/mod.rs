//! The heads that the benchmarks parse and write, as real clients and origins send them.

use silverback::http1::HeadLimits;

/// The gateway's defaults.
pub(crate) const LIMITS: HeadLimits = HeadLimits {
    head_bytes: 32_768,
    line_bytes: 16_384,
    fields: 100,
};

/// A browser's navigation with cookies.
pub(crate) const BROWSER: &[u8] = b"GET /catalogue/orders/12345?sort=date&order=desc HTTP/1.1\r\n\
    Host: www.example.com\r\n\
    Connection: keep-alive\r\n\
    Cache-Control: max-age=0\r\n\
    sec-ch-ua: \"Chromium\";v=\"126\", \"Google Chrome\";v=\"126\", \"Not-A.Brand\";v=\"8\"\r\n\
    sec-ch-ua-mobile: ?0\r\n\
    sec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8\r\n\
    Sec-Fetch-Site: same-origin\r\n\
    Referer: https://www.example.com/catalogue/orders\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\
    Cookie: _ga=GA1.1.1234567890.1712345678; session=3f2a9c1e5b7d4860a1b2c3d4e5f60718; theme=dark; consent=yes\r\n\
    \r\n";

/// A client of an API.
pub(crate) const API: &[u8] = b"POST /v1/orders HTTP/1.1\r\n\
    Host: api.example.com:8443\r\n\
    User-Agent: okhttp/4.12.0\r\n\
    Accept: application/json\r\n\
    Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 512\r\n\
    Accept-Encoding: gzip\r\n\
    Connection: Keep-Alive\r\n\
    \r\n";

/// The load generator's.
pub(crate) const WRK: &[u8] = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

/// An origin's answer.
pub(crate) const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
    Server: nginx/1.26.1\r\n\
    Date: Tue, 02 Jul 2024 10:15:30 GMT\r\n\
    Content-Type: application/json; charset=utf-8\r\n\
    Content-Length: 2048\r\n\
    Connection: keep-alive\r\n\
    Vary: Accept-Encoding\r\n\
    Cache-Control: private, max-age=60\r\n\
    ETag: \"5f3e-61c5a7b2d4f80\"\r\n\
    Set-Cookie: session=3f2a9c1e5b7d4860a1b2c3d4e5f60718; Path=/; HttpOnly; Secure; SameSite=Lax\r\n\
    Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n\
    X-Request-Id: 7f9c2ba4-e88f-4f3a-9d4b-0c1d2e3f4a5b\r\n\
    \r\n";

/// The smallest useful answer.
pub(crate) const RESPONSE_SMALL: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Length: 128\r\nContent-Type: text/plain\r\n\r\n";
