//! Rule files by what is said about them.

use super::*;
