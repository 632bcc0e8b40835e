//! What there is of an answer besides its bytes.

use crate::rpc::ErrorCode;
use crate::store::Stream;

/// What there is besides the answer that was written.
#[derive(Default)]
pub(crate) struct Written {
    /// What was said on a shard before the answer.
    pub(crate) said: Option<Box<Stream>>,
    /// The answer is an error that has a status of its own, 400.
    pub(crate) bad_request: bool,
    /// Nothing was written: the outcome is that of a task.
    pub(crate) as_task: bool,
    /// What the answer is.
    pub(crate) came: Came,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Came {
    #[default]
    Result,
    /// A result with `isError`.
    ToolError,
    /// A result that asks for more (`input_required`).
    Question,
    Error(ErrorCode),
}

impl Written {
    /// An error.
    pub(super) fn refused(bad_request: bool, code: ErrorCode) -> Written {
        Written { bad_request, came: Came::Error(code), ..Written::default() }
    }
}
