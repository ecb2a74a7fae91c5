//! The types of parameters.

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Anything; nil arrives as nil.
    Any,
    /// Anything, the way Go's own functions take it: also what is no value at all.
    Raw,
    /// Exactly this Go type.
    Is(&'static str),
}

impl Type {
    /// Go's `string`.
    pub const STRING: Type = Type::Is("string");

    /// Go's name of the type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Any => "interface {}",
            Type::Raw => "reflect.Value",
            Type::Is(name) => name,
        }
    }

    /// Whether `nil` is one of its values.
    pub(crate) fn can_be_nil(self) -> bool {
        match self {
            Type::Any | Type::Raw => true,
            Type::Is(name) => name.starts_with(['[', '*']) || name.starts_with("map[") || name.ends_with("queryResult"),
        }
    }
}

/// The parameters of a function or method.
#[derive(Debug, Clone, Copy)]
pub struct Signature {
    /// Their types. The last one repeats if the function is variadic.
    pub params: &'static [Type],
    /// The last parameter takes any number of arguments, also none.
    pub variadic: bool,
}

impl Signature {
    /// A function of exactly these parameters.
    #[must_use]
    pub const fn of(params: &'static [Type]) -> Self {
        Self { params, variadic: false }
    }

    /// A function whose last parameter repeats.
    #[must_use]
    pub const fn variadic(params: &'static [Type]) -> Self {
        Self { params, variadic: true }
    }
}
