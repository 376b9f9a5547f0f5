//! The service behind the whole pipeline.

mod communication_network_traversal_issue_relay_configuration;
