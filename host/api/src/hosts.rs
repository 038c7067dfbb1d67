//! Which names in `Host` are this server's. A request for another host is refused, so that no web page
//! can reach the server by a name of its own (DNS rebinding).

use std::net::IpAddr;

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::Api;

/// The server's own address that a connection came in at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival(pub(crate) IpAddr);

/// Refuses a request to another host than this one.
pub(crate) async fn own_only(State(api): State<Api>, request: Request, next: Next) -> Response {
    let arrival = request.extensions().get().map(|Arrival(address)| *address);
    let own =
        |named: &HeaderValue| named.to_str().is_ok_and(|named| is_own(named, &api.hosts, arrival));
    match request.headers().get_all(header::HOST).iter().all(own) {
        true => next.run(request).await,
        false => {
            let message = "this server does not answer to that Host: call it by its address, or name the host in `hosts` of [serve]\n";
            (StatusCode::MISDIRECTED_REQUEST, message).into_response()
        }
    }
}

/// Whether `authority` names this server: by one of `hosts`, by the address that the connection came
/// in at, or, on the loopback interface, by any of that interface's names.
fn is_own(authority: &str, hosts: &[String], arrival: Option<IpAddr>) -> bool {
    // SDKs put `sync-` before the host in two calls.
    let authority = authority.strip_prefix("sync-").unwrap_or(authority);
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    if hosts.iter().any(|own| own.eq_ignore_ascii_case(host)) {
        return true;
    }
    let on_loopback = arrival.is_none_or(|it| it.is_loopback());
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address.map(|it| it.to_canonical()) {
        Ok(address) => arrival == Some(address) || on_loopback && address.is_loopback(),
        Err(_) => on_loopback && (host == "localhost" || host.ends_with(".localhost")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopback_interface_is_this_host_on_it() {
        for local in [
            "127.0.0.1:8083",
            "127.0.0.1",
            "localhost:80",
            "[::1]:8083",
            "[::1]",
            "sync-127.0.0.1:8083",
            "sync-localhost",
            "states.localhost:1",
        ] {
            assert!(is_own(local, &[], None), "{local}");
            assert!(is_own(local, &[], Some([127, 0, 0, 1].into())), "{local}");
            assert!(!is_own(local, &[], Some([10, 0, 0, 1].into())), "{local}");
        }
        for other in ["example.com", "example.com:8083", "10.0.0.1:80", "127.0.0.1.example.com", ""]
        {
            assert!(!is_own(other, &[], None), "{other}");
        }
    }

    #[test]
    fn elsewhere_it_is_named_by_its_address_or_as_the_manifest_says() {
        let hosts = ["stepyard.example.com".to_owned()];
        let arrival = Some([10, 0, 0, 1].into());
        for own in [
            "stepyard.example.com",
            "Stepyard.Example.Com:443",
            "sync-stepyard.example.com:443",
            "10.0.0.1:8083",
            "[::ffff:10.0.0.1]:8083",
        ] {
            assert!(is_own(own, &hosts, arrival), "{own}");
        }
        for other in ["10.0.0.2", "localhost", "example.com", "x.stepyard.example.com", "[", ":1"] {
            assert!(!is_own(other, &hosts, arrival), "{other}");
        }
    }
}
