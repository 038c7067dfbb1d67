use axum::http::Request;

use super::*;

/// 2015-08-30T12:36:00Z, when AWS's test suite signs.
const NOW: Timestamp = Timestamp::from_millis(1_440_938_160_000);
const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn access() -> Access {
    let key = AccessKey { id: ID.to_owned(), secret: SECRET.to_owned() };
    Access::new([key], "us-east-1".to_owned())
}

fn head(line: &str, headers: &[(&str, &str)]) -> Parts {
    let (method, uri) = line.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(uri);
    let request = headers.iter().fold(request, |it, (name, value)| it.header(*name, *value));
    request.body(()).unwrap().into_parts().0
}

fn judge(service: &'static str, head: &Parts, body: &[u8]) -> Result<(), ApiError> {
    access().claim(service, head, NOW)?.verify(body)
}

/// A request of AWS's published Signature Version 4 test suite, with the signature published there.
#[track_caller]
fn published(line: &str, headers: &[(&str, &str)], body: &str, signed: &str, signature: &str) {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/service/aws4_request, SignedHeaders={signed}, Signature={signature}"
    );
    let always = [("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")];
    let all = [&always[..], headers, &[("Authorization", &authorization)]].concat();
    assert_eq!(judge("service", &head(line, &all), body.as_bytes()), Ok(()), "{line}");
}

#[test]
fn the_published_signatures_are_good() {
    let usual = "host;x-amz-date";
    published(
        "GET /",
        &[],
        "",
        usual,
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    );
    published(
        "POST /",
        &[],
        "",
        usual,
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    );
    published(
        "POST /?Param1=value1",
        &[],
        "",
        usual,
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    );
    published(
        "POST /",
        &[("My-Header1", "value1")],
        "",
        "host;my-header1;x-amz-date",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    );
    published(
        "GET /",
        &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
        "",
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    published(
        "POST /",
        &[("Content-Type", "application/x-www-form-urlencoded")],
        "Param1=value1",
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
}

const BODY: &[u8] = br#"{"name":"orders"}"#;

/// The headers of a call, signed by the crate that AWS's SDK signs with.
fn signed(secret: &str, service: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers = vec![
        ("host".to_owned(), "127.0.0.1:8083".to_owned()),
        (TARGET.to_owned(), "AWSStepFunctions.ListStateMachines".to_owned()),
        ("content-type".to_owned(), "application/x-amz-json-1.0".to_owned()),
    ];
    headers.extend(more.iter().map(|(name, value)| (name.to_string(), value.to_string())));
    let identity = Credentials::new(ID, secret, None, None, "test").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("us-east-1")
        .name(service)
        .time(Date::basic("20150830T123600Z").unwrap().time())
        .settings(SigningSettings::default())
        .build()
        .unwrap()
        .into();
    let names = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = SignableBody::Bytes(BODY);
    let request = SignableRequest::new("POST", "http://127.0.0.1:8083/", names, body).unwrap();
    let (instructions, _) = http_request::sign(request, &params).unwrap().into_parts();
    let added = instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned()));
    headers.extend(added.collect::<Vec<_>>());
    headers
}

/// Judges a signed call in which `name` is changed to `value` (removed, when empty), with a body.
fn changed(name: &str, value: &str, body: &[u8]) -> Result<(), ApiError> {
    let mut headers = signed(SECRET, STATES, &[]);
    headers.retain(|(it, _)| it != name);
    if !value.is_empty() {
        headers.push((name.to_owned(), value.to_owned()));
    }
    judge_owned(&headers, body)
}

fn judge_owned(headers: &[(String, String)], body: &[u8]) -> Result<(), ApiError> {
    let borrowed: Vec<_> = headers.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    judge(STATES, &head("POST /", &borrowed), body)
}

fn authorization() -> String {
    let headers = signed(SECRET, STATES, &[]);
    headers.into_iter().find(|(name, _)| name == "authorization").unwrap().1
}

#[test]
fn what_an_sdk_has_signed_is_let_in() {
    assert_eq!(judge_owned(&signed(SECRET, STATES, &[]), BODY), Ok(()));
    let hash = hex(&Sha256::digest(BODY));
    assert_eq!(judge_owned(&signed(SECRET, STATES, &[(PAYLOAD_HASH, &hash)]), BODY), Ok(()));
    // What proxies add is not signed.
    assert_eq!(changed("x-forwarded-for", "10.0.0.1", BODY), Ok(()));
}

#[test]
fn what_was_changed_after_signing_is_refused() {
    let other_signature = authorization().rsplit_once('=').unwrap().0.to_owned() + "=";
    for (name, value, body) in [
        ("host", "example.com", BODY),
        (TARGET, "AWSStepFunctions.DeleteStateMachine", BODY),
        ("content-type", "application/json", BODY),
        (DATE, "20150830T123601Z", BODY),
        ("authorization", &other_signature, BODY),
        ("authorization", &format!("{other_signature}{}", "0".repeat(64)), BODY),
        ("authorization", &authorization().replace(";host;", ";"), BODY),
        ("x-other", "", b"{}"),
        ("x-other", "", b""),
    ] {
        let refusal = changed(name, value, body);
        let expected = if value.contains("content-type;x-amz") {
            refused("'host' must be a 'SignedHeader' in the AWS Authorization.")
        } else {
            mismatch()
        };
        assert_eq!(refusal, Err(expected), "{name}: {value}");
    }
    assert_eq!(judge_owned(&signed("another", STATES, &[]), BODY), Err(mismatch()));
}

#[test]
fn what_is_missing_or_for_another_is_told() {
    let scoped = |from: &str, to: &str| authorization().replace(from, to);
    for (name, value, expected) in [
        ("authorization", String::new(), missing()),
        (
            "authorization",
            "Basic dXNlcg==".to_owned(),
            incomplete("Unsupported AWS 'algorithm': 'Basic'."),
        ),
        ("authorization", scoped(ID, "AKIDOTHER"), unrecognized()),
        (TOKEN, "a-session".to_owned(), unrecognized()),
        (
            "authorization",
            scoped("us-east-1", "eu-west-1"),
            refused(
                "Credential should be scoped to a valid region, not 'eu-west-1'. This server's is 'us-east-1'.",
            ),
        ),
        (
            "authorization",
            scoped("/states/", "/sns/"),
            refused("Credential should be scoped to correct service: 'states'."),
        ),
        (
            "authorization",
            scoped("aws4_request", "aws5"),
            refused(
                "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.",
            ),
        ),
        (
            "authorization",
            scoped(";x-amz-target", ""),
            refused("'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        (
            "authorization",
            scoped(";x-amz-date", ""),
            refused("'x-amz-date' must be a 'SignedHeader' in the AWS Authorization."),
        ),
        (
            DATE,
            String::new(),
            incomplete(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ),
        ),
        (
            DATE,
            "20150830T122000Z".to_owned(),
            refused(
                "Signature expired: 20150830T122000Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)",
            ),
        ),
        (
            PAYLOAD_HASH,
            "UNSIGNED-PAYLOAD".to_owned(),
            refused(
                "The value of 'x-amz-content-sha256' is not the SHA-256 of the request's body: sign the body.",
            ),
        ),
    ] {
        assert_eq!(changed(name, &value, BODY), Err(expected), "{name}: {value}");
    }
}

#[test]
fn an_unsigned_payload_is_refused_though_its_head_is_signed() {
    let headers = signed(SECRET, STATES, &[(PAYLOAD_HASH, "UNSIGNED-PAYLOAD")]);
    let refusal = judge_owned(&headers, BODY).unwrap_err();
    assert!(format!("{refusal:?}").contains("sign the body"), "{refusal:?}");
}

#[test]
fn a_header_that_could_be_read_in_two_ways_is_refused() {
    for name in ["authorization", DATE, PAYLOAD_HASH] {
        let mut headers = signed(SECRET, STATES, &[]);
        for _ in 0..2 {
            headers.push((name.to_owned(), "20150830T123600Z".to_owned()));
        }
        let message = format!("Header '{name}' has to be there once, in ASCII.");
        assert_eq!(judge_owned(&headers, BODY), Err(incomplete(message)));
    }
}

#[test]
fn a_date_header_will_do_without_x_amz_date() {
    // Signed by hand: the signer of the SDK always adds `x-amz-date`.
    let text = "Sun, 30 Aug 2015 12:36:00 GMT";
    let canonical = format!(
        "POST\n/\n\ndate:{text}\nhost:127.0.0.1\n\ndate;host\n{}",
        hex(&Sha256::digest(BODY))
    );
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/states/aws4_request\n{}",
        hex(&Sha256::digest(canonical))
    );
    let time = Date::of_http(text).unwrap().time();
    let key = v4::generate_signing_key(SECRET, time, "us-east-1", STATES);
    let signature = v4::calculate_signature(key, to_sign.as_bytes());
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={ID}/20150830/us-east-1/states/aws4_request, SignedHeaders=date;host, Signature={signature}"
    );
    let headers = [("host", "127.0.0.1"), ("date", text), ("authorization", &authorization)];
    assert_eq!(judge(STATES, &head("POST /", &headers), BODY), Ok(()));
}
