package providers

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"crmsync"
)

// hint is where an answer says how long to wait.
type hint struct {
	value  selector
	format string
}

// after returns how long a failure asks to wait, 0 if it doesn't say. What the
// answer says goes before what the rule says.
func (p *Provider) after(v *view, r *rule, kind crmsync.Kind) time.Duration {
	switch kind {
	case crmsync.Throttled, crmsync.Quota, crmsync.Transient:
	default:
		return 0
	}
	now := p.now()
	var longest time.Duration
	for i := range p.hints {
		longest = max(longest, p.hints[i].wait(v, now))
	}
	if longest == 0 && r != nil {
		longest = r.wait(now)
	}
	return min(longest, p.maxWait)
}

// wait returns what the rule says.
func (r *rule) wait(now time.Time) time.Duration {
	if !r.midnight {
		return r.after
	}
	day := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
	wait := day.Sub(now)
	if r.atMost > 0 {
		wait = min(wait, r.atMost)
	}
	return wait
}

// wait returns what the hint says, 0 if it says nothing that can be read or
// names a time that has passed.
func (h *hint) wait(v *view, now time.Time) time.Duration {
	text := strings.TrimSpace(string(h.value.text(v)))
	if text == "" {
		return 0
	}
	switch h.format {
	case "seconds":
		return seconds(text)
	case "http_date":
		return untilDate(text, now)
	case "retry_after":
		return max(seconds(text), untilDate(text, now))
	case "epoch":
		return untilEpoch(text, 1, now)
	case "epoch_ms":
		return untilEpoch(text, 1000, now)
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

// waitCap is far above any max_wait, and keeps sums of durations from overflow.
const waitCap = 365 * 24 * time.Hour

// seconds reads a number of seconds, which may have a fraction.
func seconds(text string) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || n <= 0 {
		return 0
	}
	if n > waitCap.Seconds() {
		return waitCap
	}
	return time.Duration(n * float64(time.Second))
}

func untilDate(text string, now time.Time) time.Duration {
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

func untilEpoch(text string, perSecond float64, now time.Time) time.Duration {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) {
		return 0
	}
	return seconds(strconv.FormatFloat(n/perSecond-float64(now.UnixNano())/1e9, 'f', -1, 64))
}
