//! What was asked, by number; and what came of it.

use crate::rpc::ErrorCode;

/// A method, or the call of a tool, by its place among the [`Operations`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operation(pub(crate) u32);

impl Operation {
    /// What is none: a page, a stream, something that nobody could read.
    pub(crate) const NONE: Operation = Operation(u32::MAX);
    /// What is not counted, nor in any log: who operates the server looks at it.
    pub(super) const UNSEEN: Operation = Operation(u32::MAX - 1);
}

/// The names of operations: methods first, then calls of tools that the catalog has not, then those
/// of its tools, in its order.
#[derive(Debug)]
pub(crate) struct Operations {
    methods: Vec<&'static str>,
    tools: Vec<Box<str>>,
}

/// The method of a call.
const CALL: &str = "tools/call";
/// The name of a tool that the catalog has not: whoever calls could make up any number of them.
const OTHER: &str = "_OTHER";

impl Operations {
    pub(crate) fn new(methods: Vec<&'static str>, tools: Vec<Box<str>>) -> Operations {
        Operations { methods, tools }
    }

    pub(crate) fn count(&self) -> usize {
        self.methods.len() + 1 + self.tools.len()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = Operation> {
        (0..self.count() as u32).map(Operation)
    }

    /// The name of its method; `None` for what is no operation.
    pub(crate) fn method(&self, operation: Operation) -> Option<&str> {
        let index = operation.0 as usize;
        match self.methods.get(index) {
            Some(method) => Some(method),
            None => (index < self.count()).then_some(CALL),
        }
    }

    /// The name of its tool, where that is one of the catalog.
    #[cfg(feature = "otlp")]
    pub(super) fn known_tool(&self, operation: Operation) -> Option<&str> {
        let tool = (operation.0 as usize).checked_sub(self.methods.len() + 1)?;
        self.tools.get(tool).map(|name| &**name)
    }

    /// The name of its tool, where it is the call of one.
    pub(crate) fn tool(&self, operation: Operation) -> Option<&str> {
        let index = (operation.0 as usize).checked_sub(self.methods.len())?;
        match index.checked_sub(1) {
            None => Some(OTHER),
            Some(tool) => self.tools.get(tool).map(|name| &**name),
        }
    }
}

/// An enum that knows all that it can be, in order.
macro_rules! counted {
    ($(#[$about:meta])* pub(crate) enum $name:ident { $($(#[$doc:meta])* $variant:ident,)* }) => {
        $(#[$about])*
        pub(crate) enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            pub(crate) const ALL: [$name; [$($name::$variant),*].len()] = [$($name::$variant),*];
            pub(crate) const COUNT: usize = $name::ALL.len();
        }
    };
}

counted! {
    /// What came of a request.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    // As wide as the status beside it, so that an `Observed` has no gap and is compared at once.
    #[repr(u16)]
    pub(crate) enum Outcome {
        Ok,
        /// The client is to answer questions, and ask again.
        InputRequired,
        /// A tool has failed: a result with `isError`, and HTTP 200.
        ToolError,
        ParseError,
        InvalidRequest,
        MethodNotFound,
        InvalidParams,
        InternalError,
        ResourceNotFound,
        HeaderMismatch,
        MissingCapability,
        UnsupportedVersion,
        OtherError,
        /// Nobody waited for the answer any more.
        Cancelled,
        Unauthorized,
        Forbidden,
        /// HTTP says what was wrong.
        Refused,
        RateLimited,
        Overloaded,
    }
}

impl Outcome {
    /// A JSON-RPC error.
    #[cold]
    pub(crate) fn of_error(code: ErrorCode) -> Outcome {
        match code.0 {
            -32700 => Outcome::ParseError,
            -32600 => Outcome::InvalidRequest,
            -32601 => Outcome::MethodNotFound,
            -32602 => Outcome::InvalidParams,
            -32603 => Outcome::InternalError,
            -32002 => Outcome::ResourceNotFound,
            -32020 => Outcome::HeaderMismatch,
            -32021 => Outcome::MissingCapability,
            -32022 => Outcome::UnsupportedVersion,
            _ => Outcome::OtherError,
        }
    }

    /// A refusal of HTTP.
    #[cold]
    pub(crate) fn of_status(status: u16) -> Outcome {
        match status {
            401 => Outcome::Unauthorized,
            403 => Outcome::Forbidden,
            429 => Outcome::RateLimited,
            503 => Outcome::Overloaded,
            _ => Outcome::Refused,
        }
    }

    /// `error.type` of the OpenTelemetry conventions: a code of JSON-RPC or HTTP as text, or a
    /// word; nothing where nothing went wrong.
    pub(crate) fn error_type(self) -> Option<&'static str> {
        Some(match self {
            Outcome::Ok | Outcome::InputRequired => return None,
            Outcome::ToolError => "tool_error",
            Outcome::ParseError => "-32700",
            Outcome::InvalidRequest => "-32600",
            Outcome::MethodNotFound => "-32601",
            Outcome::InvalidParams => "-32602",
            Outcome::InternalError => "-32603",
            Outcome::ResourceNotFound => "-32002",
            Outcome::HeaderMismatch => "-32020",
            Outcome::MissingCapability => "-32021",
            Outcome::UnsupportedVersion => "-32022",
            Outcome::OtherError => OTHER,
            Outcome::Cancelled => "cancelled",
            Outcome::Unauthorized => "401",
            Outcome::Forbidden => "403",
            Outcome::Refused => "4xx",
            Outcome::RateLimited => "429",
            Outcome::Overloaded => "503",
        })
    }

    /// The same in a word, of which there are few.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::InputRequired => "input_required",
            Outcome::ToolError => "tool_error",
            Outcome::Cancelled => "cancelled",
            Outcome::Unauthorized | Outcome::Forbidden => "denied",
            Outcome::Refused | Outcome::RateLimited | Outcome::Overloaded => "refused",
            _ => "error",
        }
    }
}

/// What is left of a request when it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
    /// Of the response; 0 where there is none.
    pub(crate) status: u16,
}

impl Observed {
    pub(crate) const NOTHING: Observed =
        Observed { operation: Operation::NONE, outcome: Outcome::Ok, status: 0 };
}

const _: () = assert!(size_of::<Observed>() == 8, "it is copied on the way of each request");
