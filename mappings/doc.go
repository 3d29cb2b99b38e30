// Package mappings is a folder of data: one folder per org, with its
// connections (org.yaml), its mappings and their tests. It holds no code but
// the test that lints them and runs their tests.
//
// The orgs here are samples that cover what mappings are for: acme has mappings
// of its own, birch extends the fallback, cedar relies on it, dune has two
// accounts, elm keeps its own deals, and fir shares less than the fallback.
package mappings
