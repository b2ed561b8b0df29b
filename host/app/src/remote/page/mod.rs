//! The page for tablets: a few files that are a part of the program. It commands the rig as every other client, by the
//! socket of the server that it came from, and loads nothing from elsewhere.

use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};

/// A file of the page.
pub struct File {
    /// Where it is.
    pub path: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// All of them.
pub const FILES: &[File] = &[
    File { path: "/", kind: "text/html; charset=utf-8", text: include_str!("index.html") },
    File { path: "/page.css", kind: "text/css; charset=utf-8", text: include_str!("page.css") },
    File { path: "/page.js", kind: "text/javascript; charset=utf-8", text: include_str!("page.js") },
    File { path: "/faders.js", kind: "text/javascript; charset=utf-8", text: include_str!("faders.js") },
    File { path: "/matrix.js", kind: "text/javascript; charset=utf-8", text: include_str!("matrix.js") },
    File { path: "/mix.js", kind: "text/javascript; charset=utf-8", text: include_str!("mix.js") },
    File { path: "/rig.js", kind: "text/javascript; charset=utf-8", text: include_str!("rig.js") },
    File { path: "/transport.js", kind: "text/javascript; charset=utf-8", text: include_str!("transport.js") },
];

impl File {
    /// The answer to who asks for it under the name of a host.
    pub fn response(&self, host: &str) -> Response {
        // A browser may take a socket for another origin than the page.
        let policy = format!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
             connect-src 'self' ws://{host} wss://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        let headers: [(HeaderName, String); 5] = [
            (header::CONTENT_TYPE, self.kind.to_owned()),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
            (header::REFERRER_POLICY, "no-referrer".to_owned()),
            (header::CACHE_CONTROL, "no-store".to_owned()),
        ];
        (headers, self.text).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nothing is loaded from elsewhere, and nothing in a file goes round the policy.
    #[test]
    fn the_page_is_whole_in_itself() {
        let paths: Vec<&str> = FILES.iter().map(|file| file.path).collect();
        for file in FILES {
            for foreign in ["http://", "https://", "//cdn", "@import", "style=\"", "onclick", "innerHTML", "eval("] {
                assert!(!file.text.contains(foreign), "{}: {foreign}", file.path);
            }
            let quoted = file.text.split(['"', '\'']).filter(|word| word.ends_with(".js") || word.ends_with(".css"));
            for word in quoted {
                assert!(paths.contains(&word.trim_start_matches('.')), "{}: {word}", file.path);
            }
        }
    }
}
