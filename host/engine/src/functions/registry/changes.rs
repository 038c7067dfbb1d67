//! Publishing: versions and aliases change while calls run.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{
    Registry, Shared, blocking,
    checks::{self, Changed},
    reading, to_its_end,
};
use crate::functions::{
    CodeRecord, CodeUpdate, FunctionAlias, FunctionAliasChange, FunctionConfiguration,
    FunctionRecord, LATEST, NewFunctionAlias, Publishing, PublishingError, Runtime, VersionPublish,
    bound::Bound, sha256,
};

/// Code that was admitted and is not kept yet.
struct Fresh<R: Runtime> {
    code: Vec<u8>,
    sha256: Arc<str>,
    program: Arc<R::Program>,
    /// What it was admitted under.
    policy: Arc<R::Policy>,
}

impl<R: Runtime> Registry<R> {
    /// Makes code `$LATEST` because it stands where the manifest says: a process that starts takes it for
    /// the manifest's then.
    pub async fn bind_code(&self, function: &str, code: Vec<u8>) -> Changed<FunctionConfiguration> {
        let update = CodeUpdate { code, ..CodeUpdate::default() };
        self.0.clone().update(function.into(), update, true).await
    }
}

impl<R: Runtime> Shared<R> {
    /// Changes a function's record: what `edit` leaves is durable before calls see it.
    async fn change<T: Send + 'static>(
        self: Arc<Self>,
        function: Arc<str>,
        fresh: Option<Fresh<R>>,
        edit: impl FnOnce(&Self, &mut FunctionRecord) -> Changed<T> + Send + 'static,
    ) -> Changed<T> {
        to_its_end(async move {
            let _one = self.changes.lock().await;
            let before = self.bound(&function)?;
            let mut record = before.record.clone();
            let done = edit(&self, &mut record)?;
            if record == before.record {
                return Ok(done);
            }
            let shared = self.clone();
            let after = blocking(move || shared.rebuilt(&before, record, fresh)).await?;
            self.keep(vec![after.record.clone()]).await?;
            let current = self.find(&function);
            current.inspect(|current| current.store(Arc::new(after)));
            self.discard().await;
            Ok(done)
        })
        .await
    }

    /// Blocks the thread.
    fn rebuilt(
        &self,
        before: &Bound<R>,
        record: FunctionRecord,
        fresh: Option<Fresh<R>>,
    ) -> Changed<Bound<R>> {
        if let Some(fresh) = &fresh {
            self.put(&fresh.code)?;
        }
        before.changed(record, |wanted| match &fresh {
            // A manifest that came between may grant less: then it is admitted again.
            Some(fresh)
                if *fresh.sha256 == *wanted && Arc::ptr_eq(&fresh.policy, &before.policy) =>
            {
                Ok(fresh.program.clone())
            }
            _ => self.load(&before.policy, wanted),
        })
    }

    async fn update(
        self: Arc<Self>,
        function: Arc<str>,
        update: CodeUpdate,
        from_manifest: bool,
    ) -> Changed<FunctionConfiguration> {
        let CodeUpdate { code, publish, dry_run, revision } = update;
        let bound = self.bound(&function)?;
        checks::revision(revision.as_deref(), &bound.record.latest.revision)?;
        let (shared, policy) = (self.clone(), bound.policy.clone());
        let admitted = blocking(move || {
            let sha256 = sha256(&code);
            let program = shared.admit(&policy, &code, &sha256)?;
            Ok::<_, PublishingError>((code, sha256, program))
        });
        let (code, sha256, program) = admitted.await?;
        if from_manifest && sha256 == bound.record.bound {
            return Ok(self.shown(&bound, &bound.record.latest));
        }
        let bytes = code.len() as u64;
        if dry_run {
            let latest = CodeRecord { sha256, bytes, ..bound.record.latest.clone() };
            return Ok(self.shown(&bound, &latest));
        }
        let publishes = bound.publishes;
        let fresh =
            Some(Fresh { code, sha256: sha256.clone(), program, policy: bound.policy.clone() });
        let changing = self.clone().change(function, fresh, move |shared, record| {
            checks::revision(revision.as_deref(), &record.latest.revision)?;
            let (modified, revision) = (shared.kept.clock.now(), shared.revision());
            let latest = CodeRecord { sha256, bytes, modified, revision, ..record.latest.clone() };
            record.latest = latest;
            if from_manifest {
                record.bound = record.latest.sha256.clone();
            }
            if !publish && !publishes {
                return Ok(record.latest.clone());
            }
            let version = shared.publish(record, VersionPublish::default())?;
            Ok(if publish { version } else { record.latest.clone() })
        });
        let shown = changing.await?;
        Ok(self.shown(&bound, &shown))
    }

    /// Keeps code on the disk. Blocks the thread.
    pub(super) fn put(&self, code: &[u8]) -> Changed<()> {
        let put = self.kept.archive.put(code);
        let failed = |error: std::io::Error| PublishingError::Code {
            action: "writing",
            file: "the component into the archive of code".to_owned(),
            detail: error.to_string(),
        };
        put.map(drop).map_err(failed)
    }

    /// Gives `$LATEST` the next number, unless the last one has its code.
    pub(super) fn publish(
        &self,
        record: &mut FunctionRecord,
        publish: VersionPublish,
    ) -> Changed<CodeRecord> {
        let VersionPublish { description, sha256, revision } = publish;
        let latest = &record.latest;
        checks::revision(revision.as_deref(), &latest.revision)?;
        if let Some(asked) = sha256.filter(|asked| *asked != *latest.sha256) {
            return Err(PublishingError::OtherCode { asked, current: latest.sha256.to_string() });
        }
        if let Some(newest) = record.versions.last().filter(|it| it.sha256 == latest.sha256) {
            return Ok(newest.clone());
        }
        checks::room(record, "versions", record.versions.len(), checks::VERSIONS_MAX)?;
        record.published += 1;
        let version = CodeRecord {
            number: record.published.to_string().into(),
            description: description.or_else(|| record.latest.description.clone()),
            modified: self.kept.clock.now(),
            revision: self.revision(),
            ..record.latest.clone()
        };
        record.versions.push(version.clone());
        Ok(version)
    }

    fn shown(&self, bound: &Bound<R>, code: &CodeRecord) -> FunctionConfiguration {
        FunctionConfiguration {
            function: bound.record.name.clone(),
            version: code.number.clone(),
            sha256: code.sha256.clone(),
            code_bytes: code.bytes,
            description: code.description.clone(),
            last_modified: code.modified,
            revision: code.revision.clone(),
            limits: self.runtime.limits(&bound.policy),
        }
    }

    /// Sends an alias's calls to the version that it names, and to no other.
    pub(super) async fn give_up(
        self: &Arc<Self>,
        seen: &FunctionRecord,
        alias: &Arc<str>,
        reason: &str,
    ) {
        let Some(before) = seen.alias(alias).cloned() else { return };
        let (function, alias) = (seen.name.clone(), alias.clone());
        let version = before.additional.as_ref().map(|it| it.version.to_string());
        let changing = self.clone().change(function.clone(), None, move |shared, record| {
            let revision = shared.revision();
            let found = record.aliases.iter_mut().find(|it| **it == before);
            let given_up = found.is_some();
            if let Some(alias) = found {
                (alias.additional, alias.revision) = (None, revision);
            }
            Ok(given_up)
        });
        match changing.await {
            Ok(true) => tracing::warn!(
                %function, %alias, version, reason, "a canary was rolled back"
            ),
            // Another call was first.
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%function, %alias, "a canary could not be rolled back: {error}")
            }
        }
    }
}

impl<R: Runtime> Publishing for Registry<R> {
    fn functions(&self) -> Vec<FunctionConfiguration> {
        let functions = self.0.functions.load();
        let bound = functions.values().map(|function| function.load_full());
        bound.map(|bound| self.0.shown(&bound, &bound.record.latest)).collect()
    }

    fn configuration(
        &self,
        function: &str,
        qualifier: Option<&str>,
    ) -> Changed<FunctionConfiguration> {
        let bound = self.0.bound(function)?;
        Ok(self.0.shown(&bound, bound.record.find(qualifier)?))
    }

    fn versions(&self, function: &str) -> Changed<Vec<FunctionConfiguration>> {
        let bound = self.0.bound(function)?;
        Ok(bound.record.all().map(|code| self.0.shown(&bound, code)).collect())
    }

    fn code<'a>(
        &'a self,
        function: &'a str,
        qualifier: Option<&'a str>,
    ) -> BoxFuture<'a, Changed<Vec<u8>>> {
        Box::pin(async move {
            let bound = self.0.bound(function)?;
            let sha256 = bound.record.find(qualifier)?.sha256.clone();
            let archive = self.0.kept.archive.clone();
            let read =
                blocking(move || archive.get(&sha256).map_err(|error| reading(&sha256, &error)));
            Ok(read.await?.to_vec())
        })
    }

    fn update_code<'a>(
        &'a self,
        function: &'a str,
        update: CodeUpdate,
    ) -> BoxFuture<'a, Changed<FunctionConfiguration>> {
        Box::pin(self.0.clone().update(function.into(), update, false))
    }

    fn publish_function_version<'a>(
        &'a self,
        function: &'a str,
        publish: VersionPublish,
    ) -> BoxFuture<'a, Changed<FunctionConfiguration>> {
        Box::pin(async move {
            checks::description(publish.description.as_deref())?;
            let bound = self.0.bound(function)?;
            let change = self
                .0
                .clone()
                .change(function.into(), None, |shared, record| shared.publish(record, publish));
            Ok(self.0.shown(&bound, &change.await?))
        })
    }

    fn delete_function_version<'a>(
        &'a self,
        function: &'a str,
        number: &'a str,
    ) -> BoxFuture<'a, Changed<()>> {
        let number = number.to_owned();
        Box::pin(self.0.clone().change(function.into(), None, move |_, record| {
            if number == LATEST {
                return Err(PublishingError::LatestStays);
            }
            let using = record.aliases.iter().filter(|alias| alias.routes_to(&number));
            let aliases: Vec<_> = using.map(|alias| alias.name.to_string()).collect();
            if !aliases.is_empty() {
                let function = record.name.to_string();
                return Err(PublishingError::VersionInUse { function, version: number, aliases });
            }
            record.versions.retain(|code| *code.number != *number);
            Ok(())
        }))
    }

    fn function_alias(&self, function: &str, alias: &str) -> Changed<FunctionAlias> {
        let bound = self.0.bound(function)?;
        bound.record.alias(alias).cloned().ok_or_else(|| checks::no_alias(function, alias))
    }

    fn function_aliases(
        &self,
        function: &str,
        version: Option<&str>,
    ) -> Changed<Vec<FunctionAlias>> {
        let bound = self.0.bound(function)?;
        let aliases = bound.record.aliases.iter();
        let wanted = aliases.filter(|it| version.is_none_or(|version| it.routes_to(version)));
        Ok(wanted.cloned().collect())
    }

    fn create_function_alias<'a>(
        &'a self,
        function: &'a str,
        new: NewFunctionAlias,
    ) -> BoxFuture<'a, Changed<FunctionAlias>> {
        Box::pin(self.0.clone().change(function.into(), None, move |shared, record| {
            let NewFunctionAlias { name, version, description, additional } = new;
            checks::alias_name(&name)?;
            checks::description(Some(&description))?;
            if record.alias(&name).is_some() {
                let function = record.name.to_string();
                return Err(PublishingError::AliasExists { function, alias: name });
            }
            checks::room(record, "aliases", record.aliases.len(), checks::ALIASES_MAX)?;
            let (version, additional) = checks::routes(record, &version, &additional)?;
            let revision = shared.revision();
            let name = name.into();
            let alias = FunctionAlias { name, version, additional, description, revision };
            record.aliases.push(alias.clone());
            record.aliases.sort_by(|one, other| one.name.cmp(&other.name));
            Ok(alias)
        }))
    }

    fn update_function_alias<'a>(
        &'a self,
        function: &'a str,
        alias: &'a str,
        change: FunctionAliasChange,
    ) -> BoxFuture<'a, Changed<FunctionAlias>> {
        let alias = alias.to_owned();
        Box::pin(self.0.clone().change(function.into(), None, move |shared, record| {
            let before =
                record.alias(&alias).ok_or_else(|| checks::no_alias(&record.name, &alias))?.clone();
            let FunctionAliasChange { version, description, additional, revision } = change;
            checks::revision(revision.as_deref(), &before.revision)?;
            checks::description(description.as_deref())?;
            let version = version.as_deref().unwrap_or(&before.version);
            let kept = before.additional.iter().map(|it| (it.version.to_string(), it.weight));
            let additional = additional.unwrap_or_else(|| kept.collect());
            let (version, additional) = checks::routes(record, version, &additional)?;
            let description = description.unwrap_or(before.description);
            let (name, revision) = (before.name, shared.revision());
            let after = FunctionAlias { name, version, additional, description, revision };
            let place = record.aliases.iter_mut().find(|it| it.name == after.name);
            place.expect("it was found before").clone_from(&after);
            Ok(after)
        }))
    }

    fn delete_function_alias<'a>(
        &'a self,
        function: &'a str,
        alias: &'a str,
    ) -> BoxFuture<'a, Changed<()>> {
        let alias = alias.to_owned();
        Box::pin(self.0.clone().change(function.into(), None, move |_, record| {
            record.aliases.retain(|it| *it.name != *alias);
            Ok(())
        }))
    }
}
