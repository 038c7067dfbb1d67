//! An HTTP task's arguments, read, and the request that they and a connection make: where both say a
//! thing, the connection does.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use serde_json::{Map, Value};
use stepyard_asl::{StatesError, is_reserved_header};
use stepyard_engine::Task;

use super::{
    connection::{Authorization, Credentials},
    form::{self, ArrayFormat},
};
use crate::{arguments::Arguments, sdk};

/// The methods that an HTTP task may have.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"];

/// One byte more than a task's result may have: what is too long is seen to be, and no more is sent.
const RANGE: &str = "bytes=0-262144";

/// The arguments of `http:invoke`, read.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Without what `QueryParameters` add.
    pub(super) endpoint: Uri,
    method: Method,
    /// The connection's ARN.
    pub(super) connection: String,
    headers: HeaderMap,
    /// Names and values; a part without a name stands as it is.
    query: Vec<(String, String)>,
    body: Option<Value>,
    /// How the body is made a form, when it is to be one.
    form: Option<ArrayFormat>,
}

impl Call {
    pub(super) fn read(task: &Task) -> Result<Self, StatesError> {
        let mut arguments = Arguments::of(task);
        arguments.not_null("ApiEndpoint");
        arguments.not_null("Method");
        let endpoint = arguments.text("ApiEndpoint").and_then(|text| text.parse::<Uri>().ok());
        let endpoint = endpoint.filter(|uri| super::connection::port(uri).is_some());
        if endpoint.is_none() && arguments.value("ApiEndpoint").is_some() {
            arguments.malformed("ApiEndpoint");
        }
        let method = arguments.text("Method").filter(|text| METHODS.contains(text));
        let method = method.and_then(|text| text.parse::<Method>().ok());
        if method.is_none() && arguments.value("Method").is_some() {
            arguments.malformed("Method");
        }
        let connection = connection(&mut arguments);
        let headers = headers(&mut arguments);
        let query = query(&mut arguments);
        let form = transform(&mut arguments);
        let body = arguments.value("RequestBody").cloned();
        arguments.finish()?;
        Ok(Self {
            endpoint: endpoint.unwrap_or_default(),
            method: method.unwrap_or_default(),
            connection,
            headers,
            query,
            body,
            form,
        })
    }
}

/// `InvocationConfig.ConnectionArn`, or `Authentication.ConnectionArn` of before there was the other.
fn connection(arguments: &mut Arguments<'_>) -> String {
    let of = |name: &str| arguments.value(name).map(|config| config.get("ConnectionArn"));
    let (name, arn) = match (of("InvocationConfig"), of("Authentication")) {
        (Some(arn), _) => ("InvocationConfig", arn),
        (None, Some(arn)) => ("Authentication", arn),
        (None, None) => ("InvocationConfig", None),
    };
    match arn.and_then(Value::as_str) {
        Some(arn) => arn.to_owned(),
        None => {
            arguments.missing(&format!("{name}.ConnectionArn"));
            String::new()
        }
    }
}

/// Each header with a text, or with several.
fn headers(arguments: &mut Arguments<'_>) -> HeaderMap {
    const NAME: &str = "Headers";
    let mut headers = HeaderMap::new();
    let Some(value) = arguments.value(NAME) else { return headers };
    let Some(written) = value.as_object() else {
        arguments.malformed(NAME);
        return headers;
    };
    let reserved: Vec<_> = written.keys().filter(|name| is_reserved_header(name)).collect();
    if !reserved.is_empty() {
        let names: Vec<_> = reserved.iter().map(|name| name.to_ascii_lowercase()).collect();
        arguments.unsupported(NAME, &names);
        return headers;
    }
    for (name, value) in written {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        let values = values.iter().map(|value| HeaderValue::try_from(form::scalar(value)).ok());
        let values: Option<Vec<_>> = values.collect();
        match (name.parse::<HeaderName>(), values) {
            (Ok(name), Some(values)) => {
                for value in values {
                    headers.append(&name, value);
                }
            }
            _ => arguments.malformed(&format!("{NAME}.{name}")),
        }
    }
    headers
}

/// An object of texts, or of arrays of them; or texts that are parts of a query already.
fn query(arguments: &mut Arguments<'_>) -> Vec<(String, String)> {
    const NAME: &str = "QueryParameters";
    let part = |text: &str| (String::new(), text.to_owned());
    match arguments.value(NAME) {
        None => Vec::new(),
        Some(Value::String(text)) => vec![part(text)],
        Some(Value::Array(texts)) if texts.iter().all(Value::is_string) => {
            texts.iter().filter_map(Value::as_str).map(part).collect()
        }
        Some(Value::Object(members)) => {
            let pairs = members.iter().flat_map(|(name, value)| {
                let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                values.iter().map(|value| (name.clone(), form::scalar(value)))
            });
            pairs.collect()
        }
        Some(_) => {
            arguments.malformed(NAME);
            Vec::new()
        }
    }
}

/// `Transform`: how the body is made a form, when it is to be one.
fn transform(arguments: &mut Arguments<'_>) -> Option<ArrayFormat> {
    const NAME: &str = "Transform";
    let transform = arguments.value(NAME)?;
    let encoding = transform.get("RequestBodyEncoding");
    let is_form = match encoding.map(Value::as_str) {
        None | Some(Some("NONE")) => false,
        Some(Some("URL_ENCODED")) => true,
        Some(_) => {
            arguments.malformed("Transform.RequestBodyEncoding");
            false
        }
    };
    let options = transform.get("RequestEncodingOptions").and_then(|it| it.get("ArrayFormat"));
    let format = match options {
        None => Some(ArrayFormat::default()),
        Some(format) => format.as_str().and_then(ArrayFormat::read),
    };
    if format.is_none() {
        arguments.malformed("Transform.RequestEncodingOptions.ArrayFormat");
    }
    format.filter(|_| is_form)
}

/// The whole URL; `added` is of the connection.
fn uri(call: &Call, added: &BTreeMap<String, String>) -> Result<Uri, StatesError> {
    let own = call.query.iter().filter(|(name, _)| !added.contains_key(name));
    let added = added.iter().map(|(name, value)| (name.clone(), value.clone()));
    let mut parts: Vec<String> = call.endpoint.query().map(str::to_owned).into_iter().collect();
    for (name, value) in own.cloned().chain(added) {
        parts.push(match name.is_empty() {
            true => value.replace(' ', "%20"),
            false => form::joined(&[(name, value)]),
        });
    }
    let path = call.endpoint.path();
    let path = if path.is_empty() { "/" } else { path };
    let path = match parts.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", parts.join("&")),
    };
    let mut whole = call.endpoint.clone().into_parts();
    whole.path_and_query = Some(path.parse().map_err(|_| malformed("QueryParameters"))?);
    Uri::from_parts(whole).map_err(|_| malformed("ApiEndpoint"))
}

/// The request, with all that the connection puts into it.
pub(super) fn build(
    call: Call,
    credentials: &Credentials,
    token: Option<&str>,
    region: &str,
) -> Result<Request<Bytes>, StatesError> {
    let uri = uri(&call, &credentials.query)?;
    let body = body(&call, &credentials.body)?;
    let mut headers = call.headers;
    for (name, value) in &credentials.headers {
        let name = name.parse::<HeaderName>().map_err(|_| unusable(name))?;
        headers.insert(&name, sensitive(value, name.as_str())?);
    }
    let (name, value) = authorization(credentials, token);
    let name = name.parse::<HeaderName>().map_err(|_| unusable(&name))?;
    headers.insert(&name, sensitive(&value, name.as_str())?);
    if !body.is_empty() && !headers.contains_key(header::CONTENT_TYPE) {
        let kind = match call.form {
            Some(_) => "application/x-www-form-urlencoded",
            None => "application/json; charset=UTF-8",
        };
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    let host = uri.authority().map_or("", |authority| authority.as_str());
    headers
        .insert(header::HOST, HeaderValue::try_from(host).map_err(|_| malformed("ApiEndpoint"))?);
    headers.insert(header::RANGE, HeaderValue::from_static(RANGE));
    let agent = format!("Stepyard|HttpInvoke|{region}");
    if let Ok(agent) = HeaderValue::try_from(agent) {
        headers.insert(header::USER_AGENT, agent);
    }
    let mut request = Request::new(Bytes::from(body));
    *request.method_mut() = call.method;
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    Ok(request)
}

/// The request without what the connection puts into it.
pub(super) fn bare(
    call: Call,
    credentials: &Credentials,
    region: &str,
) -> Result<Request<Bytes>, StatesError> {
    let (name, _) = authorization(credentials, None);
    let mut request = build(call, &credentials.without_additions(), None, region)?;
    for name in credentials.headers.keys().chain([&name]) {
        request.headers_mut().remove(name);
    }
    Ok(request)
}

/// The header that authorizes a request.
fn authorization(credentials: &Credentials, token: Option<&str>) -> (String, String) {
    match &credentials.authorization {
        Authorization::ApiKey { name, .. } => (name.clone(), credentials.secret.clone()),
        Authorization::Basic { username, .. } => {
            ("Authorization".to_owned(), format!("Basic {}", credentials.basic(username)))
        }
        Authorization::OAuth(_) => {
            ("Authorization".to_owned(), format!("Bearer {}", token.unwrap_or_default()))
        }
    }
}

fn body(call: &Call, added: &BTreeMap<String, String>) -> Result<String, StatesError> {
    let mut body = call.body.clone();
    if !added.is_empty() {
        let members = body.get_or_insert_with(|| Map::new().into()).as_object_mut();
        let members = members.ok_or_else(|| {
            StatesError::runtime(
                "The RequestBody is not a JSON object, so what the connection adds to it cannot be added.",
            )
        })?;
        members.extend(added.iter().map(|(name, value)| (name.clone(), value.clone().into())));
    }
    match (body, call.form) {
        (None, _) => Ok(String::new()),
        (Some(Value::Object(members)), Some(format)) => Ok(form::encode(&members, format)),
        (Some(body), _) => Ok(sdk::text(&body)),
    }
}

fn malformed(name: &str) -> StatesError {
    StatesError::runtime(format!("The value of the field '{name}' has an invalid format"))
}

fn sensitive(value: &str, header: &str) -> Result<HeaderValue, StatesError> {
    let mut value = HeaderValue::try_from(value).map_err(|_| unusable(header))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Says which header it is, and nothing of its value.
fn unusable(header: &str) -> StatesError {
    StatesError::new(
        "Events.ConnectionResource.InvalidConnectionState",
        format!("What the connection puts into the header `{header}` cannot stand in one."),
    )
}
