//! What was said by whom, to be searched for what nobody may say; and the admin listener that is asked.

use serde_json::Value;

use super::client::Client;
use super::client::Response;
use super::gateway::Gateway;

/// Everything that was said, and by what.
#[derive(Default)]
pub(crate) struct Said(Vec<(String, String)>);

impl Said {
    pub(crate) fn add(&mut self, what: impl Into<String>, text: impl Into<String>) {
        self.0.push((what.into(), text.into()));
    }

    /// The answer to a request to the admin listener, head and body.
    pub(crate) fn ask(
        &mut self,
        admin: &Admin<'_>,
        method: &str,
        path: &str,
        body: &Value,
    ) -> Response {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let response = admin.ask(method, path, "application/json", &body);
        self.hear(method, path, &response);
        response
    }

    /// The body of a good answer.
    pub(crate) fn get(&mut self, admin: &Admin<'_>, path: &str) -> String {
        self.ask(admin, "GET", path, &Value::Null)
            .expect(200)
            .text()
    }

    pub(crate) fn hear(&mut self, method: &str, path: &str, response: &Response) {
        let text = format!("{}{}", response.head, response.text());
        self.add(format!("{method} {path}"), text);
    }

    /// Nobody has said any of these.
    #[track_caller]
    pub(crate) fn hold_none_of(&self, secrets: &[&str]) {
        assert!(!self.0.is_empty());
        for (what, text) in &self.0 {
            for secret in secrets {
                assert!(!text.contains(secret), "{what} tells {secret}:\n{text}");
            }
        }
    }
}

/// The admin listener of a gateway, and a token for it.
pub(crate) struct Admin<'g> {
    pub(crate) gateway: &'g Gateway,
    pub(crate) token: &'g str,
}

impl Admin<'_> {
    pub(crate) fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> Response {
        let mut client = Client::connect(self.gateway.admin);
        let (token, length) = (self.token, body.len());
        let kind = match body {
            "" => String::new(),
            _ => format!("Content-Type: {kind}\r\n"),
        };
        client.send(format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             {kind}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        ));
        match client.try_response(method) {
            Ok(response) => response,
            Err(broken) => panic!("{method} {path}: {broken:?}"),
        }
    }

    /// An answer that may show what was sent: it is the credential's own.
    pub(crate) fn make(&self, path: &str, body: &Value) -> Value {
        let response = self.ask("POST", path, "application/json", &body.to_string());
        serde_json::from_str(&response.expect(201).text()).unwrap()
    }
}
