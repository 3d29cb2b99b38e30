package main

import (
	"slices"
	"strings"

	"crmsync"
	"crmsync/pipeline"
)

// waitReason says of a reason to wait what it means and what ends it. ORG
// stands for the entry's own.
type waitReason struct{ word, because, ending string }

// waitReasons are the words that entries of the waiting room give as reason.
func waitReasons() []waitReason {
	return []waitReason{
		{pipeline.Denied, "the CRM refuses its credential", "crmsync credentials set ORG NAME"},
		{pipeline.Paused, "its connection is paused, or gone", "paused: false in mappings/ORG/org.yaml"},
		{pipeline.OutOfQuota, "the account's quota is used up", "time: the quota comes back"},
		{pipeline.RateCheck, "we keep to the account's limits", "time: the limit's window"},
		{pipeline.Retry, "the CRM failed on it, it is tried again", "time: the next try"},
		{pipeline.TakeOver, "another process may be sending it", "time: that process's lease"},
		{pipeline.Throttled, "the CRM asks for fewer requests", "time: the CRM says when"},
		{pipeline.Unavailable, "the CRM does not answer", "the CRM's return"},
		{pipeline.Uncertain, "a call for it may still land", "time: nothing may be sent before"},
		{pipeline.Unmapped, "its mapping is gone", "a mapping for its record type in mappings/ORG"},
		{pipeline.Unreadable, "another version of crmsync let it wait", "a process of that version"},
	}
}

// completedReasons are the reasons as a shell completes them.
func completedReasons() []string {
	var all []string
	for _, r := range waitReasons() {
		all = append(all, r.word+"\t"+r.because)
	}
	return all
}

func knownReason(word string) (waitReason, bool) {
	all := waitReasons()
	i := slices.IndexFunc(all, func(r waitReason) bool { return r.word == word })
	if i < 0 {
		return waitReason{}, false
	}
	return all[i], true
}

// because says why an entry waits. A word of a newer program is told as it is.
func because(reason string) string {
	if r, ok := knownReason(reason); ok {
		return r.because
	}
	return reason
}

// ending says what ends the wait of those that wait for a connection.
func ending(reason string, id crmsync.ConnectionID) string {
	r, ok := knownReason(reason)
	if !ok {
		return "-"
	}
	return strings.ReplaceAll(r.ending, "ORG", id.Org)
}
