package hubspot

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	burstSpan  = 10 * time.Second
	searchSpan = time.Second
)

// window lets limit requests through in any span of time. A limit below zero
// lets all through.
type window struct {
	span  time.Duration
	limit int
	times []time.Time // times[head:] are those let through, oldest first
	head  int
}

// take lets one request through or not, and returns how many more would be
// let through now. Not documented: whether a refused request counts. Here it
// does not.
func (w *window) take(now time.Time) (left int, ok bool) {
	if w.limit < 0 {
		return -1, true
	}
	for w.head < len(w.times) && now.Sub(w.times[w.head]) >= w.span {
		w.head++
	}
	if w.head > len(w.times)/2 {
		w.times = slices.Delete(w.times, 0, w.head)
		w.head = 0
	}
	used := len(w.times) - w.head
	if used >= w.limit {
		return 0, false
	}
	w.times = append(w.times, now)
	return w.limit - used - 1, true
}

func (w *window) reset() { w.times, w.head = nil, 0 }

// quota is the part of the limits that all tokens of a portal share.
type quota struct {
	mu sync.Mutex
	// mu guards all below.
	daily    int // below zero: none
	used     int
	day      string
	searches window
	location *time.Location
}

func (q *quota) set(l Limits, location *time.Location) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.daily, q.searches.span, q.searches.limit = l.Daily, searchSpan, l.Searches
	if location != nil || q.location == nil {
		q.location = location
	}
}

func (q *quota) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.used = 0
	q.searches.reset()
}

// take counts one request of the day, which ends at the portal's midnight.
func (q *quota) take(now time.Time) (limit, left int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	location := q.location
	if location == nil {
		location = time.UTC
	}
	if day := now.In(location).Format(time.DateOnly); day != q.day {
		q.day, q.used = day, 0
	}
	if q.daily < 0 {
		return q.daily, -1, true
	}
	if q.used >= q.daily {
		return q.daily, 0, false
	}
	q.used++
	return q.daily, q.daily - q.used, true
}

func (q *quota) takeSearch(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.searches.take(now)
	return ok
}

// limited counts the request against the limits, sets their headers, and
// returns the refusal when one is reached. Searches have a limit of their own
// and no headers; not documented: whether they count for the day. Here they
// do.
func (t *token) limited(now time.Time, op operation, header http.Header) *answer {
	if op == opSearch {
		if !t.portal.quota.takeSearch(now) {
			return searchLimitReached()
		}
	} else if a := t.overBurst(now, header); a != nil {
		return a
	}
	if !t.daily {
		return nil
	}
	limit, left, ok := t.portal.quota.take(now)
	if op != opSearch && limit >= 0 {
		header.Set("X-HubSpot-RateLimit-Daily", strconv.Itoa(limit))
		header.Set("X-HubSpot-RateLimit-Daily-Remaining", strconv.Itoa(left))
	}
	if !ok {
		return dailyLimit()
	}
	return nil
}

func (t *token) overBurst(now time.Time, header http.Header) *answer {
	t.mu.Lock()
	limit := t.burst.limit
	left, ok := t.burst.take(now)
	t.mu.Unlock()
	if limit < 0 {
		return nil
	}
	secondly := max(limit/10, 1)
	header.Set("X-HubSpot-RateLimit-Max", strconv.Itoa(limit))
	header.Set("X-HubSpot-RateLimit-Remaining", strconv.Itoa(left))
	header.Set("X-HubSpot-RateLimit-Interval-Milliseconds", strconv.FormatInt(burstSpan.Milliseconds(), 10))
	header.Set("X-HubSpot-RateLimit-Secondly", strconv.Itoa(secondly))
	header.Set("X-HubSpot-RateLimit-Secondly-Remaining", strconv.Itoa(min(left, secondly)))
	if ok {
		return nil
	}
	return t.tenSecondlyLimit()
}

func (t *token) tenSecondlyLimit() *answer {
	group := fmt.Sprintf("publicapi:private_app-api-calls-ten-secondly:%d:%d", t.portal.id, appID)
	return overLimit("ten_secondly_rolling", "TEN_SECONDLY_ROLLING", group)
}

// appID is the id of the one app that all tokens belong to.
const appID = 19083857

func searchLimitReached() *answer { return overLimit("secondly", "SECONDLY", "") }

func dailyLimit() *answer {
	a := overLimit("daily", "DAILY", "")
	a.failure.RequestID = "-" // the server puts an id of its own in
	return a
}

// overLimit is a 429, whose shape differs from all other errors: it has no
// category. HubSpot documents no Retry-After for it.
func overLimit(limit, policy, group string) *answer {
	return failure(http.StatusTooManyRequests, errorBody{
		Message:    "You have reached your " + limit + " limit.",
		ErrorType:  "RATE_LIMIT",
		PolicyName: policy,
		GroupName:  group,
	})
}
