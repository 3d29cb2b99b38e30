package main

import (
	"fmt"

	"crmsync"
)

// gapLost says how many messages the log has lost between what was committed
// and what it still holds, at most: a compacted log has holes. ok is false when
// nobody can tell: the log ends before the committed offset, so it was made anew.
func gapLost(g crmsync.Gap) (lost int64, ok bool) {
	if g.Committed > g.End {
		return 0, false
	}
	return max(0, g.Start-g.Committed), true
}

// gapFlag is what lets a partition go on.
func gapFlag(partition int32) string { return fmt.Sprintf("crmsync run --accept-gap %d", partition) }

// gapText tells of a partition that is not read because of a gap, and how it
// can go on.
func gapText(partition int32, g crmsync.Gap) string {
	lost, ok := gapLost(g)
	what := fmt.Sprintf("the log begins at offset %d, so up to %d messages are lost", g.Start, lost)
	if !ok {
		what = fmt.Sprintf("the log ends at offset %d: the topic was made anew, and it can't be told what is lost", g.End)
	}
	return fmt.Sprintf("Partition %d was not read: all before offset %d is finished, but %s.\nTo go on from offset %d: %s",
		partition, g.Committed, what, g.Start, gapFlag(partition))
}
