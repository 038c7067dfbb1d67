//! Functions: get, list, update their code.

use axum::{
    http::{StatusCode, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};
use stepyard_engine::{CodeUpdate, FunctionConfiguration};

use super::{
    Service,
    error::invalid_parameter,
    name::{Named, check_function, check_qualified},
    page::Page,
    upload,
    wire::{Asked, json},
};
use crate::{body::Held, constraint::Constraints, error::ApiError, members};

/// GetFunction.
pub(super) fn get(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let (named, found) = found(service, asked)?;
    let host = asked.header(header::HOST.as_str()).unwrap_or("localhost");
    let location = service.link(host, &found);
    let configuration = shown(&named, &found, named.qualifier.as_deref());
    let body = json!({ "Configuration": configuration, "Code": { "Location": location } });
    Ok(json(StatusCode::OK, &body))
}

/// GetFunctionConfiguration.
pub(super) fn configuration(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let (named, found) = found(service, asked)?;
    Ok(json(StatusCode::OK, &shown(&named, &found, named.qualifier.as_deref())))
}

fn found(service: &Service, asked: &Asked) -> Result<(Named, FunctionConfiguration), ApiError> {
    let qualifier = asked.query("Qualifier");
    check_qualified(Constraints::default(), &asked.function, qualifier).check()?;
    let named = service.qualified(&asked.function, qualifier)?;
    let found = service.functions.configuration(&named.function, named.qualifier.as_deref());
    let found = found.map_err(|error| named.refused(error))?;
    Ok((named, found))
}

/// ListFunctions.
pub(super) fn list(service: &Service, asked: &Asked) -> Result<Response, ApiError> {
    let version = asked.query("FunctionVersion");
    let page =
        Page::read(asked, Constraints::default().one_of("functionVersion", version, &["ALL"]))?;
    let functions = service.functions.functions();
    let all = match version {
        None => functions,
        Some(_) => {
            let versions = functions.iter().map(|it| service.functions.versions(&it.function));
            // One that the manifest has dropped meanwhile has none.
            versions.filter_map(Result::ok).flatten().collect()
        }
    };
    let list = version.map_or_else(|| "functions".to_owned(), |it| format!("functions/{it}"));
    let place = |it: &FunctionConfiguration| (it.function.to_string(), number(&it.version));
    let show = |it: &FunctionConfiguration| {
        listed(&service.own(&it.function), it, version.map(|_| &*it.version))
    };
    page.answer(service, "Functions", &list, &all, place, show)
}

/// The members of UpdateFunctionCode.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateFunctionCode {
    zip_file: Option<String>,
    s3_bucket: Option<String>,
    s3_key: Option<String>,
    s3_object_version: Option<String>,
    image_uri: Option<String>,
    #[serde(rename = "SourceKMSKeyArn")]
    source_kms_key_arn: Option<String>,
    publish: Option<bool>,
    publish_to: Option<String>,
    dry_run: Option<bool>,
    revision_id: Option<String>,
}

/// UpdateFunctionCode.
pub(super) async fn update_code(service: &Service, asked: Asked) -> Result<Response, ApiError> {
    check_function(Constraints::default(), &asked.function).check()?;
    let named = service.function(&asked.function)?;
    // Unknown ones cost no more than their name.
    let known = service.functions.configuration(&named.function, None);
    known.map_err(|error| named.refused(error))?;
    let body = asked.into_body();
    let read = tokio::task::spawn_blocking(move || read_update(&body)).await;
    let update = read.map_err(|error| ApiError::internal(&error))??;
    let publish = update.publish;
    let updated = service.functions.update_code(&named.function, update).await;
    let updated = updated.map_err(|error| named.refused(error))?;
    let qualifier = publish.then_some(&*updated.version);
    Ok(json(StatusCode::OK, &shown(&named, &updated, qualifier)))
}

/// Reads and unpacks an upload. Blocks the thread.
fn read_update(body: &Held) -> Result<CodeUpdate, ApiError> {
    let members: UpdateFunctionCode = members::read(body)?;
    let not_here = [
        ("S3Bucket", &members.s3_bucket),
        ("S3Key", &members.s3_key),
        ("S3ObjectVersion", &members.s3_object_version),
        ("ImageUri", &members.image_uri),
        ("SourceKMSKeyArn", &members.source_kms_key_arn),
        ("PublishTo", &members.publish_to),
    ];
    if let Some((member, _)) = not_here.iter().find(|(_, value)| value.is_some()) {
        return Err(invalid_parameter(format!(
            "{member} is not supported by this server: send the component in ZipFile, in a zip or as it is"
        )));
    }
    let packed = members.zip_file.ok_or_else(|| {
        invalid_parameter("Please provide a ZipFile: a component in a zip, or as it is.")
    })?;
    let packed = BASE64_STANDARD.decode(packed).map_err(|error| {
        ApiError::new("SerializationException", format!("ZipFile is not base64: {error}"))
    })?;
    Ok(CodeUpdate {
        code: upload::component(packed).map_err(|error| invalid_parameter(error.to_string()))?,
        publish: members.publish.unwrap_or_default(),
        dry_run: members.dry_run.unwrap_or_default(),
        revision: members.revision_id,
    })
}

/// A version as it is shown by itself, under the ARN of `qualifier`.
pub(super) fn shown(named: &Named, it: &FunctionConfiguration, qualifier: Option<&str>) -> Value {
    let mut shown = listed(named, it, qualifier);
    shown["State"] = json!("Active");
    shown["LastUpdateStatus"] = json!("Successful");
    shown
}

/// A version as it is shown in a list: AWS leaves out what it is about to become.
pub(super) fn listed(named: &Named, it: &FunctionConfiguration, qualifier: Option<&str>) -> Value {
    let timeout = it.limits.wall_time;
    let memory = it.limits.memory_bytes_max.div_ceil(1 << 20);
    json!({
        "FunctionName": it.function,
        "FunctionArn": named.arn_of(qualifier),
        "CodeSize": it.code_bytes,
        "CodeSha256": base64_of(&it.sha256),
        "Description": it.description.as_deref().unwrap_or_default(),
        "Timeout": timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0),
        "MemorySize": memory,
        "LastModified": it.last_modified.to_string().replace('Z', "+0000"),
        "Version": it.version,
        "TracingConfig": { "Mode": "PassThrough" },
        "RevisionId": it.revision,
        "PackageType": "Zip",
    })
}

/// A version's number; `$LATEST` is before all.
pub(super) fn number(version: &str) -> u64 {
    version.parse().unwrap_or_default()
}

/// Lambda's form of a SHA-256 that is in hex.
pub(super) fn base64_of(sha256: &str) -> String {
    let digits = sha256.as_bytes().chunks(2);
    let byte = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    BASE64_STANDARD.encode(digits.map_while(byte).collect::<Vec<u8>>())
}

/// The hex of a SHA-256 that is in Lambda's form; none when it is no SHA-256.
pub(super) fn hex_of(sha256: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(sha256).ok().filter(|it| it.len() == 32)?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
