// Package crmsync keeps the CRM of every customer org in step with an internal
// system of record. It holds the nouns of the service and the contracts its
// parts meet at, and imports only the standard library.
//
// A change of one record is an [Event]. For each [Connection] of its org it
// becomes a [Delivery]; a mapping (package dsl) renders that into a [Call];
// calls travel in a [Batch] to a [Provider]; what the CRM holds afterwards is
// remembered in a [Link]. Each delivery ends in exactly one [Outcome]. What
// goes wrong is a [Fault], and its [Kind] says what it asks of the caller.
//
// What outsiders implement stands here beside its noun: [Source],
// [DeadLetterQueue], [StateStore], [IdempotencyStore], [CredentialStore],
// [RateChecker] and [Provider]. Contracts take and answer slices, because at
// 35,000 events/s one round trip per event is too many. Every contract has a
// suite in pipeline/pipelinetest or providers/providertest.
//
// What it does not own: decisions. The engine in package pipeline makes them.
package crmsync
