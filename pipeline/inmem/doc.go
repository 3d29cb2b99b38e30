// Package inmem implements every contract of the pipeline in the memory of one process: the state
// store, the idempotency store, the rate checker, the credential stores, the dead-letter queue and
// the source. They are the reference that the suites in pipelinetest are written along, what dry
// runs and tests of the engine work on, and what a single process without Redis checks its rates
// with.
//
// What it needs: nothing. What it guarantees: the contracts, for as long as the process lives. It
// owns no durability: nothing survives the process.
package inmem
