//! Rule groups over time: recording rules, alerting rules, rule unit tests.
