package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// pace is how many letters may be sent in a time; the zero pace is no bound.
type pace struct {
	letters int
	per     time.Duration
	next    time.Time // when the next batch may leave
}

// parsePace reads such as 50/s; alone a number is per second.
func parsePace(text string) (pace, error) {
	if text == "" {
		return pace{}, nil
	}
	number, unit, ok := strings.Cut(text, "/")
	if !ok {
		unit = "s"
	}
	n, err := strconv.Atoi(number)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if err != nil || n < 1 || n > 1_000_000 || per == 0 {
		return pace{}, usage{fmt.Errorf("--rate %q: give a number of letters and a unit, such as 50/s, 600/m or 1000/h", text)}
	}
	return pace{letters: n, per: per}, nil
}

// batch is how many letters travel together: at most those of a tenth of a second.
func (c *pace) batch() int {
	if c.letters == 0 {
		return replayBatch
	}
	return min(max(1, int(int64(c.letters)*int64(100*time.Millisecond)/int64(c.per))), replayBatch)
}

// wait waits until n letters may leave. It returns whether they may: not when a
// signal came.
func (c *pace) wait(ctx context.Context, stop <-chan struct{}, n int) bool {
	if c.letters == 0 {
		return ctx.Err() == nil
	}
	now := time.Now()
	at := now
	if c.next.After(now) {
		at = c.next
	}
	c.next = at.Add(c.per * time.Duration(n) / time.Duration(c.letters))
	timer := time.NewTimer(at.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
	case <-ctx.Done():
	}
	return false
}
