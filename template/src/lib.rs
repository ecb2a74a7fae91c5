//! Go text/template and html/template as Prometheus and Alertmanager use them.
