// Package pipelinetest holds the conformance suites of the contracts that parts of the pipeline
// implement, one file per contract. A suite is an exported function that takes a constructor and
// runs every promise of the contract's comment against it; all implementations, the one in memory
// included, pass the same suite.
//
// It does not hold tests of one implementation's own traits: those stand beside the
// implementation. It imports the contracts alone, so that any implementation, also one outside of
// this module, can be tested with it.
package pipelinetest
