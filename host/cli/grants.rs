//! From the manifest's words to the step runtime's values: grants and limits.

use std::time::Duration;

use stepyard_wasm::{Access, BucketGrant, Grants, HttpGrant, Limits, Scheme, SecretHeader};
use toml::Spanned;

use crate::manifest::{self, BucketAccess, SecretTemplate};

/// The grants of one function.
pub(crate) fn grants(written: &manifest::Grants) -> Result<Grants, String> {
    Ok(Grants {
        keyvalue: written.keyvalue.iter().map(bucket).collect(),
        config: written.config.clone(),
        http: written.http.iter().map(http).collect::<Result<_, _>>()?,
        mail: written.mail.clone(),
    })
}

fn bucket(written: &manifest::BucketGrant) -> BucketGrant {
    let access = match written.access() {
        BucketAccess::Read => Access::Read,
        BucketAccess::ReadWrite => Access::ReadWrite,
    };
    BucketGrant { bucket: written.bucket().clone(), access }
}

fn http(written: &manifest::HttpGrant) -> Result<HttpGrant, String> {
    let (scheme, host, port, path) = split_url(written.url.get_ref())?;
    let header = |(name, value): (&String, &Spanned<String>)| {
        let template = SecretTemplate::parse(value.get_ref())
            .ok_or_else(|| format!("header `{name}` names no secret"))?;
        let format = format!("{}{{}}{}", template.before, template.after);
        Ok((name.clone(), SecretHeader { secret: template.secret, format }))
    };
    Ok(HttpGrant {
        port,
        path_prefix: (path != "/").then_some(path),
        methods: written.methods.clone(),
        addresses: written.addresses.clone(),
        headers: written.headers.iter().map(header).collect::<Result<_, String>>()?,
        ..HttpGrant::new(scheme, host)
    })
}

/// `https://host:port/path` in its four parts.
fn split_url(url: &str) -> Result<(Scheme, String, Option<u16>, String), String> {
    let fault = || format!("`{url}` is not the beginning of a URL; write https://host:port/path");
    let (scheme, rest) = url.split_once("://").ok_or_else(fault)?;
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        _ => return Err(fault()),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| fault())?))
        }
        _ => (authority, None),
    };
    if host.is_empty() || path.contains(['?', '#']) {
        return Err(fault());
    }
    let path = path.trim_end_matches('/');
    let path = if path.is_empty() { "/" } else { path };
    Ok((scheme, host.to_owned(), port, path.to_owned()))
}

/// The limits of one function; what the manifest does not say keeps its default.
pub(crate) fn limits(written: &manifest::Limits) -> Result<Limits, String> {
    let default = Limits::default();
    let duration = |seconds: Option<f64>, default: Duration, key: &str| {
        seconds.map_or(Ok(default), |seconds| {
            Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|duration| !duration.is_zero())
                .ok_or_else(|| {
                    format!("limits.{key} is {seconds}; write a number of seconds above 0")
                })
        })
    };
    let count = |count: Option<u32>, default: usize| count.map_or(default, |count| count as usize);
    Ok(Limits {
        wall_time: duration(written.wall_seconds, default.wall_time, "wall_seconds")?,
        cpu_time: duration(written.cpu_seconds, default.cpu_time, "cpu_seconds")?,
        memory_bytes_max: written
            .memory_mib
            .map_or(default.memory_bytes_max, |mib| (mib as usize) << 20),
        concurrency_max: count(written.concurrency, default.concurrency_max),
        queue_max: count(written.queue, default.queue_max),
        ..default
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_split_into_what_a_grant_checks() {
        let check = |url: &str, expected: Option<(Scheme, &str, Option<u16>, &str)>| {
            let expected =
                expected.map(|(s, host, port, path)| (s, host.to_owned(), port, path.to_owned()));
            assert_eq!(split_url(url).ok(), expected, "{url}");
        };
        check("https://api.example.com/v1/", Some((Scheme::Https, "api.example.com", None, "/v1")));
        check("http://127.0.0.1:8420", Some((Scheme::Http, "127.0.0.1", Some(8420), "/")));
        check("http://[::1]:80/a/b", Some((Scheme::Http, "[::1]", Some(80), "/a/b")));
        check("http://[::1]", Some((Scheme::Http, "[::1]", None, "/")));
        for url in
            ["", "host", "ftp://host", "http://", "http://h:port", "http://h/?q", "http://h:99999"]
        {
            check(url, None);
        }
    }
}
