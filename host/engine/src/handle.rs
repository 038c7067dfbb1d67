//! The engine as the tasks that it runs know it: they ask it for other executions.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use stepyard_asl::Status;

use crate::{Engine, EngineError, engine::WeakEngine, looking::Waiting};

/// A handle that keeps no engine alive: one whose other handles have gone stops where it is, whatever
/// its tasks still wait for. The default is that of no engine.
#[derive(Clone, Default)]
pub struct EngineHandle(Arc<OnceLock<WeakEngine>>);

impl EngineHandle {
    /// From here on it stands for this engine.
    pub(crate) fn set(&self, engine: WeakEngine) {
        self.0.get_or_init(|| engine);
    }

    /// The engine, while it is there. Held while something is awaited, it would keep the engine alive.
    pub fn upgrade(&self) -> Option<Engine> {
        self.0.get()?.upgrade()
    }

    /// The engine; an error when it has gone.
    pub(crate) fn engine(&self) -> Result<Engine, EngineError> {
        self.upgrade().ok_or(EngineError::ShutDown)
    }

    /// Waits until an execution is over, as [`Engine::wait`] does.
    pub async fn wait(&self, arn: &str) -> Result<Status, EngineError> {
        let engine = self.engine()?;
        let ending = engine.ending(arn).await?;
        drop(engine);
        match ending {
            Waiting::For(ended) => ended.await.map_err(|_| EngineError::ShutDown),
            Waiting::Over(ended) => Ok(ended),
        }
    }
}

impl fmt::Debug for EngineHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EngineHandle")
    }
}
