// Package kafka speaks to Apache Kafka, by way of sarama. It implements
// [crmsync.Source] and [crmsync.DeadLetterQueue], reads the dead-letter topic
// back, sends messages again, creates and checks the topics, and says why a
// broker can't be reached.
//
// It decides nothing about events: how much to take in, what is finished and
// what is a dead letter, package pipeline says. It parses no value.
//
// Three habits of sarama shape it. A claim that works holds up its neighbours
// on the same broker, so claims do intake only. A commit through a session
// reports no failure, so commits are sent on an own connection and awaited.
// A committed offset that the log no longer holds is silently skipped or stops
// all partitions, so each claim compares it with where sarama starts reading.
package kafka
