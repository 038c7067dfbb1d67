//! Objects of Amazon S3, through the AWS SDK: what Map Runs read items from and export results to.

use std::error::Error;

use aws_sdk_s3::{
    Client,
    config::{Builder, RequestChecksumCalculation},
    error::{ProvideErrorMetadata, SdkError},
    operation::{RequestId, RequestIdExt},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use futures::{future::BoxFuture, stream};
use stepyard_asl::Timestamp;
use stepyard_engine::outside::{
    ObjectBody, ObjectError, ObjectPage, ObjectPlace, ObjectSummary, ObjectWriter, Objects,
};
use tokio::sync::OnceCell;

use crate::aws::{Aws, AwsService, NO_REGION, said, why_unanswered};

/// How many bytes are sent at a time; S3 takes no fewer than 5 MiB, but for the last.
const PART_BYTES: usize = 8 << 20;

/// Buckets of Amazon S3. The client is made with the first call.
#[derive(Debug)]
pub struct S3Objects {
    aws: Aws,
    client: OnceCell<Option<Client>>,
}

type Result<T> = std::result::Result<T, ObjectError>;

impl S3Objects {
    /// Amazon S3 as `aws` says it is reached.
    pub fn new(aws: Aws) -> Self {
        Self { aws, client: OnceCell::new() }
    }

    async fn client(&self) -> Result<&Client> {
        let made = self.client.get_or_init(|| async {
            let config = self.aws.config(AwsService::S3).await;
            config.region()?;
            // What stands in for S3 elsewhere knows buckets by paths, and not every checksum.
            let is_elsewhere = config.endpoint_url().is_some();
            let config = Builder::from(&config)
                .force_path_style(is_elsewhere)
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
            Some(Client::from_conf(config.build()))
        });
        made.await.as_ref().ok_or_else(|| ObjectError(NO_REGION.to_owned()))
    }
}

impl Objects for S3Objects {
    fn read(&self, from: ObjectPlace) -> BoxFuture<'_, Result<ObjectBody>> {
        Box::pin(async move {
            let ObjectPlace { bucket, key, offset, etag } = from;
            let range = (offset > 0).then(|| format!("bytes={offset}-"));
            let request = self.client().await?.get_object().bucket(bucket).key(key);
            let answer = request.set_if_match(etag.clone()).set_range(range).send().await;
            let answer = match answer {
                // All of it was read before.
                Err(error) if error.code() == Some("InvalidRange") => {
                    let bytes = Box::pin(stream::empty());
                    return Ok(ObjectBody { etag: etag.unwrap_or_default(), bytes });
                }
                answer => answer.map_err(|error| told(&error))?,
            };
            let etag = answer.e_tag.unwrap_or_default();
            let bytes = stream::try_unfold(answer.body, |mut body: ByteStream| async move {
                let piece = body.next().await.transpose();
                let piece = piece.map_err(|error| ObjectError(error.to_string()))?;
                Ok(piece.map(|piece| (piece.to_vec(), body)))
            });
            Ok(ObjectBody { etag, bytes: Box::pin(bytes) })
        })
    }

    fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
    ) -> BoxFuture<'_, Result<ObjectPage>> {
        let (bucket, prefix) = (bucket.to_owned(), prefix.to_owned());
        let after = after.map(str::to_owned);
        Box::pin(async move {
            let request = self.client().await?.list_objects_v2().bucket(bucket).prefix(prefix);
            let answer = request.set_start_after(after).send().await;
            let answer = answer.map_err(|error| told(&error))?;
            let more = answer.is_truncated == Some(true);
            let objects = answer.contents.unwrap_or_default().into_iter().map(|it| ObjectSummary {
                key: it.key.unwrap_or_default(),
                etag: it.e_tag.unwrap_or_default(),
                last_modified: Timestamp::from_millis(
                    it.last_modified.and_then(|at| at.to_millis().ok()).unwrap_or_default(),
                ),
                size: it.size.unwrap_or_default().try_into().unwrap_or_default(),
                storage_class: it.storage_class.map_or("STANDARD".to_owned(), |it| it.to_string()),
            });
            Ok(ObjectPage { objects: objects.collect(), more })
        })
    }

    fn create(&self, bucket: &str, key: &str) -> BoxFuture<'_, Result<Box<dyn ObjectWriter>>> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        Box::pin(async move {
            let client = self.client().await?.clone();
            let writer: Box<dyn ObjectWriter> =
                Box::new(Upload { client, bucket, key, unsent: Vec::new(), parts: None });
            Ok(writer)
        })
    }
}

/// An object on its way: in one piece where it is small, and else in parts.
struct Upload {
    client: Client,
    bucket: String,
    key: String,
    unsent: Vec<u8>,
    /// The upload's id, and what was sent of it.
    parts: Option<(String, Vec<CompletedPart>)>,
}

impl Upload {
    async fn send_part(&mut self) -> Result<()> {
        if self.parts.is_none() {
            let begun = self.client.create_multipart_upload().bucket(&self.bucket).key(&self.key);
            let begun = begun.send().await.map_err(|error| told(&error))?;
            self.parts = Some((begun.upload_id.unwrap_or_default(), Vec::new()));
        }
        let Some((id, parts)) = &mut self.parts else { return Ok(()) };
        let number = i32::try_from(parts.len() + 1).unwrap_or(i32::MAX);
        let request = self.client.upload_part().bucket(&self.bucket).key(&self.key);
        let body = ByteStream::from(std::mem::take(&mut self.unsent));
        let sent = request.upload_id(&*id).part_number(number).body(body).send().await;
        let etag = sent.map_err(|error| told(&error))?.e_tag;
        parts.push(CompletedPart::builder().part_number(number).set_e_tag(etag).build());
        Ok(())
    }

    async fn complete(mut self) -> Result<()> {
        if self.parts.is_none() {
            let request = self.client.put_object().bucket(&self.bucket).key(&self.key);
            let body = ByteStream::from(std::mem::take(&mut self.unsent));
            return request.body(body).send().await.map(drop).map_err(|error| told(&error));
        }
        if !self.unsent.is_empty() {
            self.send_part().await?;
        }
        let Some((id, parts)) = &self.parts else { return Ok(()) };
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts.clone())).build();
        let request = self.client.complete_multipart_upload().bucket(&self.bucket).key(&self.key);
        let done = request.upload_id(id).multipart_upload(parts).send().await;
        done.map_err(|error| told(&error))?;
        // What is finished is not ended.
        self.parts = None;
        Ok(())
    }
}

impl ObjectWriter for Upload {
    fn write(&mut self, bytes: Vec<u8>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.unsent.extend(bytes);
            if self.unsent.len() >= PART_BYTES { self.send_part().await } else { Ok(()) }
        })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(self.complete())
    }
}

/// An upload that is not finished is ended, so that nobody pays for its parts.
impl Drop for Upload {
    fn drop(&mut self) {
        let (Some((id, _)), Ok(runtime)) =
            (self.parts.take(), tokio::runtime::Handle::try_current())
        else {
            return;
        };
        let request = self.client.abort_multipart_upload().bucket(&self.bucket).key(&self.key);
        runtime.spawn(request.upload_id(id).send());
    }
}

/// Why S3 did not do it, in the words of AWS's own clients.
fn told<E>(error: &SdkError<E>) -> ObjectError
where
    E: ProvideErrorMetadata + RequestId + RequestIdExt + Error + 'static,
    SdkError<E>: RequestId + RequestIdExt,
{
    let Some(response) = error.raw_response() else {
        return ObjectError(why_unanswered(error));
    };
    let (status, message) = (response.status().as_u16(), said(error));
    let or_null = |id: Option<&str>| id.unwrap_or("null").to_owned();
    let (id, extended) = (or_null(error.request_id()), or_null(error.extended_request_id()));
    ObjectError(format!(
        "{message} (Service: S3, Status Code: {status}, Request ID: {id}, Extended Request ID: {extended})"
    ))
}
