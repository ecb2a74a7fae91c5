//! Test files by their verdict.
